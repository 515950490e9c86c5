"""The plan of a sweep: how the devices share the work."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.models.network import Network
from selectax.study.components import Components
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import (
    EvaluationOptions,
    RegularizerOptions,
    RunOptions,
    TrainingOptions,
)
from selectax.study.plan import layers_without_sign, make_plan, settings_of

LABELS = np.arange(30) % 3
IMAGES = np.zeros((30, 4, 4, 3), np.uint8)
ONE_NETWORK = SweepConfig(regularizer=RegularizerOptions(alpha=(1.0,), seeds=1))


def init(key, images):
    return {"params": jax.random.normal(key, (images[0].size, 3))}


def apply(variables, images):
    logits = images.reshape(len(images), -1) @ variables["params"]
    return logits, {"last": jax.nn.relu(logits)}


def mean_activity(activations, labels, num_classes):
    return jnp.mean(activations["last"])


OWN = Components(Network(init, apply), dict.fromkeys(("train", "test"), (IMAGES, LABELS)))


def planned(folder, components=OWN, config=ONE_NETWORK, **run):
    config = dataclasses.replace(config, run=RunOptions(output=folder / "run", **run))
    return make_plan(config, components)


def test_a_regularizer_of_ones_own_sees_whole_batches(tmp_path, four_devices):
    assert planned(tmp_path).mesh.shape["data"] == 4
    own = dataclasses.replace(OWN, regularizer=mean_activity)
    assert planned(tmp_path, own).mesh.shape["data"] == 1
    with pytest.raises(ConfigurationError, match=r"--mesh 1x2: .* regularizer needs the whole"):
        planned(tmp_path, own, mesh="1x2")


@pytest.mark.parametrize(
    ("alpha", "measures", "own", "layers"),
    [
        (0.0, ("selectivity",), mean_activity, ["last"]),
        (1.0, ("dimensionality",), None, ["last"]),
        (1.0, ("dimensionality",), mean_activity, []),
        (0.0, ("dimensionality",), None, []),
    ],
)
def test_a_measure_or_the_regularizer_may_need_responses_without_sign(
    alpha, measures, own, layers, tmp_path
):
    config = SweepConfig(
        regularizer=RegularizerOptions(alpha=(alpha,)),
        evaluation=EvaluationOptions(measures=measures),
    )
    plan = planned(tmp_path, dataclasses.replace(OWN, regularizer=own), config)
    assert list(layers_without_sign(plan)) == layers


def test_the_regularizer_needs_no_sign_of_its_own_layers_only(tmp_path):
    two = Network(init, lambda variables, images: (images[:, 0, 0], {"one": images, "two": images}))
    config = SweepConfig(
        regularizer=RegularizerOptions(alpha=(1.0,), regularized_layers=("two",)),
        evaluation=EvaluationOptions(measures=()),
    )
    plan = planned(tmp_path, dataclasses.replace(OWN, network=two), config)
    assert list(layers_without_sign(plan)) == ["two"]


@pytest.mark.parametrize("options", [{"batch_norm": "per-device"}, {"micro_batches": 2}])
def test_the_devices_of_a_batch_are_a_setting_if_batch_norm_depends_on_them(
    options, tmp_path, four_devices
):
    assert "devices_per_batch" not in settings_of(ONE_NETWORK, planned(tmp_path).mesh)
    training = TrainingOptions(**options)
    config = dataclasses.replace(ONE_NETWORK, training=training)
    settings = settings_of(config, planned(tmp_path, config=config, mesh="1x2").mesh)
    assert settings["devices_per_batch"] == 2
    assert settings_of(config, None)["devices_per_batch"] == 1
    plan = planned(tmp_path, config=config, mesh="1x2")
    plan.folder.path.mkdir()
    plan.folder.config.write_text(json.dumps(settings_of(plan.config, plan.mesh)))
    assert planned(tmp_path, config=config, mesh="1x2", resume=True).folder == plan.folder
    with pytest.raises(ConfigurationError, match="devices for each batch is 2, not 4"):
        planned(tmp_path, config=config, resume=True)
