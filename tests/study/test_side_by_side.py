"""How many networks a device trains side by side, and by which convolutions."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from selectax import models
from selectax.models.convolution import patch_convolution
from selectax.models.network import convolving_by
from selectax.study import side_by_side
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.options import (
    RegularizerOptions,
    RunOptions,
    TrainingOptions,
)
from selectax.study.plan import make_plan
from selectax.study.side_by_side import Arrangement, arrange
from selectax.study.training.recipe import Recipe
from tests.study.tiny import TinyNetwork


@pytest.fixture
def accelerator(monkeypatch):
    """A device with 1,000 bytes, 200 of them taken, of which one network takes 100.

    A step takes as long for any number of networks.
    """
    statistics = {"bytes_limit": 1000, "bytes_in_use": 200}
    device = SimpleNamespace(memory_stats=lambda: statistics)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    monkeypatch.setattr(side_by_side, "bytes_of_one", lambda *_: 100)
    monkeypatch.setattr(side_by_side, "seconds_per_step", lambda *_: 1.0)
    return statistics


# Its convolutions have no other form.
PLAIN = Recipe(models.Network(lambda key, images: {}, lambda variables, images: None), 10, 1, 4)
CONVOLUTIONAL = Recipe(models.of_module(models.create("resnet8", num_classes=10)), 10, 1, 4)


def planned(mesh=None, recipe=PLAIN, **options):
    config = SweepConfig(run=RunOptions(**options))
    return SimpleNamespace(mesh=mesh, config=config, recipe=recipe)


def models_at_a_time(plan, networks):
    return arrange(plan, networks).models_at_a_time


def test_as_many_as_its_memory_holds(accelerator):
    assert models_at_a_time(planned(), 20) == 6
    assert models_at_a_time(planned(), 4) == 4
    accelerator["bytes_in_use"] = 990
    assert models_at_a_time(planned(), 20) == 1
    accelerator.clear()
    assert models_at_a_time(planned(), 20) == 20


@pytest.mark.parametrize(("seconds_of_six", "chosen"), [(5.9, 6), (6.1, 1)])
def test_one_where_that_is_faster(accelerator, monkeypatch, seconds_of_six, chosen):
    """On an H100, at batches of 128, networks one by one were faster than 32 together."""
    seconds = {1: 1.0, 6: seconds_of_six}
    monkeypatch.setattr(side_by_side, "seconds_per_step", lambda _, each: seconds[each[0]])
    assert models_at_a_time(planned(), 20) == chosen


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [({1: 1.0, 6: 7.0, 2: 1.9}, 2), ({1: 1.0, 6: 5.0, 2: 1.9}, 6), ({1: 1.0, 6: 7.0, 2: 2.1}, 1)],
)
def test_products_of_patches_where_they_are_faster(accelerator, monkeypatch, seconds, chosen):
    """Memory holds six networks, or two with their patches."""
    by_patches = convolving_by(CONVOLUTIONAL.network, patch_convolution)
    patches = dataclasses.replace(CONVOLUTIONAL, network=by_patches)
    bytes_of = {CONVOLUTIONAL: 100, patches: 300}
    monkeypatch.setattr(side_by_side, "bytes_of_one", lambda _, recipe: bytes_of[recipe])
    monkeypatch.setattr(side_by_side, "seconds_per_step", lambda _, each: seconds[each[0]])
    arrangement = arrange(planned(recipe=CONVOLUTIONAL), 20)
    assert arrangement == Arrangement(chosen, patches if chosen == 2 else CONVOLUTIONAL)


def test_of_a_mesh_each_device_has_its_own(accelerator, four_devices):
    mesh = Mesh(np.array(four_devices).reshape(4, 1), ("model", "data"))
    assert models_at_a_time(planned(mesh), 20) == 5
    assert models_at_a_time(planned(mesh), 21) == 6


def test_as_asked_for_but_no_more_than_there_are(accelerator):
    assert models_at_a_time(planned(models_at_a_time=9), 20) == 9
    assert models_at_a_time(planned(models_at_a_time=9), 4) == 4


def test_one_on_the_cpu():
    assert models_at_a_time(planned(), 20) == 1


@pytest.mark.slow
def test_steps_of_any_number_of_networks_are_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    config = SweepConfig(
        training=TrainingOptions(batch_size=4),
        regularizer=RegularizerOptions(alpha=(0.0, 1.0), seeds=2),
        run=RunOptions(output=tmp_path / "run", mesh="1x1"),
    )
    of_sweep = make_plan(config)
    for number in (1, 5):  # the plan has four
        arrangement = Arrangement(number, of_sweep.recipe)
        assert 0 < side_by_side.seconds_per_step(of_sweep, arrangement) < 60
    assert side_by_side.bytes_of_one(of_sweep, of_sweep.recipe) > 1000
