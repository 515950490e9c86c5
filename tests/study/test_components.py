"""Your own network, data, measures and regularizer: what fits, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import models
from selectax.corruptions import CORRUPTIONS
from selectax.datasets import DataSet, describe
from selectax.models.network import Network, of_module
from selectax.study.components import (
    check_initial_signs,
    check_network,
    checked_components,
    units_of,
)
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.corrupted_images import resolve_corruptions
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import (
    DataOptions,
    EvaluationOptions,
    RegularizerOptions,
    RunOptions,
    TrainingOptions,
)
from selectax.study.measures.measure import Measure
from selectax.study.measures.registry import MEASURES
from tests.study.tiny import TinyNetwork

IMAGES = np.arange(30 * 4 * 4 * 3, dtype=np.int64).reshape(30, 4, 4, 3).astype(np.uint8)
LABELS = np.arange(30) % 3
DATA_SET = DataSet(3, (4, 4, 3), False, tuple("abc"))
NOTHING = dict.fromkeys(("network", "data", "measures", "attacks", "corruptions", "regularizer"))


DEFAULT = SweepConfig()


def components(config=DEFAULT, **given):
    return checked_components(config, **{**NOTHING, **given})


def init(key, images):
    return {"params": jax.random.normal(key, (images[0].size, 3))}


def apply(variables, images):
    logits = images.reshape(len(images), -1) @ variables["params"]
    return logits, {"last": jax.nn.relu(logits)}


def test_nothing_of_ones_own_changes_nothing():
    config, found = components()
    assert config == SweepConfig()
    assert found.data_set is None
    assert found.measures is MEASURES


def test_every_tenth_training_image_is_for_validation():
    _, found = components(data=[(IMAGES, LABELS), (IMAGES[:5], LABELS[:5])])
    images, labels = found.splits["validation"]
    np.testing.assert_array_equal(images, IMAGES[9::10])
    np.testing.assert_array_equal(labels, LABELS[9::10])
    assert len(found.splits["train"][0]) == 27
    assert found.data_set.num_classes == 3
    assert found.data_set.image_shape == (4, 4, 3)
    assert not found.data_set.horizontal_flip


def test_validation_images_may_be_given():
    parts = [(IMAGES, LABELS), (IMAGES[:4], LABELS[:4]), (IMAGES[:5], LABELS[:5])]
    _, found = components(data=parts)
    assert [len(labels) for _, labels in found.splits.values()] == [30, 4, 5]


def test_measures_take_the_place_of_the_names():
    mine = Measure("mine", "my own", {"mine": "number"}, lambda subject: [])
    config, found = components(measures=[MEASURES["attacks"], mine])
    assert config.evaluation.measures == ("attacks", "mine")
    assert found.measures["mine"] is mine


def test_own_perturbations_may_have_the_metrics_that_several_measures_share():
    mine = Measure("mine", "my own", {"accuracy": "fraction"}, lambda subject: [])
    assert components(measures=[mine])[1].measures["mine"] is mine


@pytest.mark.parametrize(
    ("names", "metric", "says"),
    [
        (["mine", "mine"], "mine", "measures: mine is given twice; rename"),
        (["mine"], "dead_units", "measures mine: its metric 'dead_units' is also one of measure"),
        (["mine", "other"], "ours", "its metric .ours. is also one of measure other"),
    ],
)
def test_measures_that_cannot_be_told_apart_are_refused(names, metric, says):
    own = [Measure(name, "my own", {metric: "number"}, lambda subject: []) for name in names]
    with pytest.raises(ConfigurationError, match=says):
        components(measures=own)


def test_images_of_ones_own_are_not_measured_on_the_corruptions_of_others():
    """Not even if they have the name of a data set whose official corrupted set is at hand."""
    config = SweepConfig(data=DataOptions(dataset="cifar10"))
    config, _ = components(config, data=[(IMAGES, LABELS), (IMAGES[:5], LABELS[:5])])
    resolved = resolve_corruptions(config, official_at_hand=True, at_hand=["contrast"])
    assert resolved.evaluation.corrupted_images == "own"


@pytest.mark.parametrize(
    "given",
    [
        {"data": [(IMAGES, LABELS), (IMAGES[:5], LABELS[:5])]},
        {"corruptions": [CORRUPTIONS["contrast"]]},
    ],
)
def test_official_corruptions_of_ones_own_are_refused(given):
    config = SweepConfig(
        data=DataOptions(dataset="cifar10"),
        evaluation=EvaluationOptions(corrupted_images="official"),
    )
    (argument,) = given
    says = f"corrupted_images official: has no effect with {argument} of your own; give own"
    with pytest.raises(ConfigurationError, match=says):
        components(config, **given)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([(IMAGES, LABELS)], "data has 1 parts; give"),
        (
            [(IMAGES / 255, LABELS), (IMAGES, LABELS)],
            "images must be uint8 of shape",
        ),
        ([(IMAGES, LABELS), (IMAGES[0], LABELS)], "data: test images must be uint8 of shape"),
        ([(IMAGES, LABELS), (IMAGES, LABELS[:3])], "data: test labels must be integers of shape"),
        ([(IMAGES, LABELS), (IMAGES, LABELS / 2)], "data: test labels must be integers"),
        ([(IMAGES, LABELS), (IMAGES, LABELS - 1)], "data: test labels hold -1; give classes"),
    ],
)
def test_data_that_cannot_be_used_are_refused(data, says):
    with pytest.raises(ConfigurationError, match=says):
        components(data=data)


@pytest.mark.parametrize(
    ("options", "given", "says"),
    [
        (
            {"training": TrainingOptions(micro_batches=2)},
            {"regularizer": lambda *_: 0},
            "micro_batches 2: ",
        ),
        (
            {"regularizer": RegularizerOptions(regularized_layers=("one", "two"))},
            {"regularizer": lambda *_: 0},
            "regularized_layers one two: has no effect on regularizer",
        ),
        (
            {"training": TrainingOptions(precision="bfloat16")},
            {"network": Network(init, apply)},
            "precision bfloat16: ",
        ),
        (
            {"run": RunOptions(input="stream")},
            {"data": [(IMAGES, LABELS), (IMAGES[:5], LABELS[:5])]},
            "input stream: has no effect on data",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(options, given, says):
    config = dataclasses.replace(SweepConfig(), **options)
    with pytest.raises(ConfigurationError, match=says):
        components(config, **given)


def test_a_network_that_fits_passes():
    check_network(Network(init, apply), DATA_SET, [MEASURES["selectivity"]])


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (Network(lambda key, images: jnp.zeros(3), apply), "network.init returned"),
        (Network(init, lambda v, x: apply(v, x)[0]), "network.apply must return \\(logits, act"),
        (Network(init, lambda v, x: (apply(v, x)[0], {})), "network.apply gives no activations"),
        (
            Network(init, lambda v, x: (apply(v, x)[0][:, :2], apply(v, x)[1])),
            "network.apply gives logits of shape \\(2, 2\\) for 2 images, not \\(2, 3\\)",
        ),
        (
            Network(init, lambda v, x: (apply(v, x)[0], {"last": jnp.zeros(2)})),
            "activations\\['last'\\] of shape \\(2,\\)",
        ),
    ],
)
def test_functions_that_do_not_fit_are_refused(network, says):
    with pytest.raises(ConfigurationError, match=says):
        check_network(network, DATA_SET, [])


def test_responses_of_an_untrained_network_must_not_be_negative():
    def signed(variables, images):
        logits, activations = apply(variables, images)
        return logits, {**activations, "signed": jnp.tanh(logits)}

    check_initial_signs(Network(init, apply), IMAGES, ["last"])
    check_initial_signs(Network(init, signed), IMAGES, ["last"])
    with pytest.raises(ConfigurationError, match=r"^activations\['signed'\] hold negative respons"):
        check_initial_signs(Network(init, signed), IMAGES, ["last", "signed"])


def test_layers_and_their_units_are_known_in_order_of_depth():
    data_set = dataclasses.replace(DATA_SET, image_shape=(8, 8, 3))
    units = units_of("tiny", of_module(TinyNetwork()), data_set)
    assert list(units.items()) == [("first", 5), ("second", 4)]


def test_the_order_of_layers_is_that_of_the_activations():
    def apply(variables, images):
        stem = images.reshape(len(images), -1)
        return stem[:, :3], {"stem": stem, "block": stem[:, :5]}

    network = Network(lambda key, images: {"params": {}}, apply)
    units = units_of("own", network, describe("digits"))
    assert list(units) == ["stem", "block"]
    assert units["block"] == 5


def test_images_that_are_too_small_for_a_network_are_refused():
    """VGG16 halves them four times, and a mean over no position is NaN."""
    network = of_module(models.create("vgg16", 10))
    data_set = dataclasses.replace(describe("cifar10"), image_shape=(8, 8, 3))
    with pytest.raises(ConfigurationError, match="leave nothing of layer"):
        units_of("vgg16", network, data_set)


def test_a_measure_that_needs_a_function_which_is_missing_is_refused():
    with pytest.raises(ConfigurationError, match=r"measures ablation: needs network\.masked"):
        check_network(Network(init, apply), DATA_SET, [MEASURES["ablation"]])
