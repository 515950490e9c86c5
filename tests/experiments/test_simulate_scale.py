"""What is counted for the simulation, against counts by hand."""

import math
import sys

import jax
import numpy as np
import pytest

from experiments import simulate_scale as simulation
from selectax import models

RESNET20 = simulation.JOBS[0]


def test_operations_are_those_of_a_count_by_hand():
    """40.6 million multiply-adds of ResNet-20's convolutions on 32 × 32 pixels."""
    module = models.create("resnet20", 10)
    flops = sum(flops for flops, *_ in simulation.layer_flops(module, (32, 32, 3)))
    stage = 32 * 32 * 9 * 16 * 16
    by_hand = 32 * 32 * 27 * 16 + 6 * stage + 2 * (stage // 2 + 5 * stage)
    assert flops == 2 * by_hand
    assert simulation.effective_flops(RESNET20, module, 1) == 3 * flops
    wider = simulation.effective_flops(RESNET20, module, 64)
    assert 3 * flops < wider < 4 * 3 * flops


@pytest.mark.slow
def test_each_weight_is_exchanged_once_a_step(four_devices):
    module = models.create("resnet8", 10)
    count, size = simulation.exchanged(RESNET20._replace(model="resnet8"), module, 4)
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    weights = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert count >= 1
    # And batch norms' statistics and class sums, of 10 classes, there and back.
    assert 4 * weights < size < 4 * weights + 4 * 20_000


@pytest.mark.parametrize("devices", [1, 64, 512])
def test_hours_fall_with_devices_as_far_as_networks_and_batches_allow(devices):
    module, exchanges = models.create("resnet20", 10), (40, 1e6)
    accelerator = simulation.ACCELERATORS[0]
    one, *_ = simulation.hours(RESNET20, accelerator, 1, 0.3, module, exchanges)
    total, layout, _ = simulation.hours(RESNET20, accelerator, devices, 0.3, module, exchanges)
    networks, shares = map(int, layout.split(" × "))
    assert networks * shares == devices
    assert one / devices <= total * (1 + 1e-9)
    # Whole networks, one after another on each device, are one of the layouts to choose from.
    rounds = math.ceil(RESNET20.networks / devices)
    assert total <= rounds * one / RESNET20.networks * (1 + 1e-9)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--models"], "--models: give resnet20, resnet18 or both."),
        (["--devices", "0"], "--devices [0]: give one or more integers of at least 1."),
    ],
)
def test_what_cannot_be_simulated_is_refused(words, says, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["simulate_scale.py", *words])
    assert simulation.main() == 2
    assert capsys.readouterr().err.strip() == says
