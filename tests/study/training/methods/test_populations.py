"""Populations over strengths: strength 0, several devices, networks side by side, compilations."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.plan import hyperparameters_of
from selectax.study.run.networks import NetworkId
from selectax.study.runtime.devices import copy_to_all, make_mesh, share_batches, spread_networks
from selectax.study.training.population import end_epoch, init_population, resident_steps
from selectax.study.training.step import init_state, train_step
from tests.compiling import counted_compilations
from tests.study.tiny import bytes_and_labels
from tests.study.training.methods.tiny_method import (
    Normalized,
    hyperparameters,
    recipe_of,
    unit_images,
)

pytestmark = [pytest.mark.slow, pytest.mark.optimized]

IMAGES, LABELS = bytes_and_labels(42)
VALIDATION = bytes_and_labels(13, seed=1)
STRENGTHS = {"adversarial": (0.0, 4.0, 16.0), "augmix": (0.0, 1.0, 2.0), "corruption": (0, 2, 5)}
OPTIONS = {
    "standard": (),
    "adversarial": (("adversarial_norm", "l2"), ("adversarial_steps", 2)),
    "augmix": (),
    "corruption": (
        *(("training_corruptions", ("contrast", "gaussian_noise")), ("benchmark", "cifar10")),
    ),
}


def recipe(name, **changes):
    return recipe_of(name, method_options=OPTIONS[name], **changes)


def trained(name, strengths, *, steps=2, layout="1x1", devices=None, at_a_time=1, **given):
    """Networks of alpha 0.5 after some steps, one for each strength, and validated."""
    of_method = recipe(name)
    networks = [NetworkId(0.5, 3, name, strength) for strength in strengths]
    mesh = make_mesh(layout, len(networks), 16, devices or jax.devices())
    population = init_population(
        hyperparameters_of(networks, 0.05, **given), recipe=of_method, image_shape=(8, 8, 3)
    )
    population = spread_networks(population, mesh)
    images, labels = copy_to_all((jnp.asarray(IMAGES), jnp.asarray(LABELS)), mesh)
    parts = 1 if mesh is None else mesh.shape["data"]
    validation = share_batches(in_batches(*VALIDATION, 5, multiple=parts), mesh)
    options = {"recipe": of_method, "mesh": mesh, "models_at_a_time": at_a_time}
    population = resident_steps(population, images, labels, 0, steps, **options)
    return end_epoch(population, validation, 0, steps=2, **options)


def assert_close(one, other, tolerance):
    """Each array, relative to its largest value."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        largest = np.nanmax(np.abs(np.asarray(b)), initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * largest)


def results_of(trained):
    """What strength 0 leaves as it is: all but the strength itself."""
    population, accuracy = trained
    return population.state, population.history, accuracy


@pytest.mark.parametrize("name", ["adversarial", "corruption"])
def test_strength_0_is_standard_training_to_the_bit(name):
    expected = results_of(trained("standard", (0,)))
    first, other = (
        jax.tree.map(lambda leaf, at=at: leaf[at : at + 1], results_of(trained(name, (0, 5))))
        for at in (0, 1)
    )
    jax.tree.map(np.testing.assert_array_equal, first, expected)
    assert np.all(np.asarray(other[1].loss)[0, 0] != np.asarray(expected[1].loss)[0, 0])


def test_strength_0_of_augmix_is_standard_training_up_to_rounding():
    expected = results_of(trained("standard", (0,)))
    assert_close(results_of(trained("augmix", (0,))), expected, 1e-4)
    other = results_of(trained("augmix", (1,)))
    assert abs(other[1].loss[0, 0] - expected[1].loss[0, 0]) > 1e-3


@pytest.mark.parametrize(
    ("name", "layout"),
    [("adversarial", "1x4"), ("augmix", "4x1"), ("corruption", "2x2")],
)
def test_devices_agree_with_one(name, layout, four_devices):
    """Each image has the same random numbers on any number of devices."""
    expected = trained(name, STRENGTHS[name], devices=four_devices)
    found = trained(name, STRENGTHS[name], layout=layout, devices=four_devices)
    assert_close(found, expected, 1e-4)


@pytest.mark.parametrize("name", STRENGTHS)
def test_networks_side_by_side_agree_with_one_after_the_other(name):
    expected = trained(name, STRENGTHS[name])
    assert_close(trained(name, STRENGTHS[name], at_a_time=3), expected, 1e-4)


@pytest.mark.parametrize("name", STRENGTHS)
def test_strengths_and_step_sizes_compile_nothing_anew(name):
    before, _ = trained(name, STRENGTHS[name], adversarial_step_size=2.5)
    with counted_compilations() as compiled:
        after, _ = trained(name, (1, 3, 4), adversarial_step_size=0.5)
    assert compiled == []
    assert np.all(before.history.loss[:, 0] != after.history.loss[:, 0])


@pytest.mark.parametrize("transform", ["vmap", "pmap", "shard_map"])
def test_an_adversarial_step_is_the_same_under_each_transformation(transform, four_devices):
    images, labels = unit_images()
    given, alone = hyperparameters(4, alpha=0.7), recipe("adversarial")
    state = init_state(given, alone, (8, 8, 3))
    options = {"steps_per_epoch": 5, "key": jax.random.key(2)}
    expected = jax.jit(functools.partial(train_step, recipe=alone, **options))(
        state, images, labels, given
    )
    shared = dataclasses.replace(alone, network=of_module(Normalized(axis_name="devices")))
    step = functools.partial(train_step, recipe=shared, axis_name="devices", **options)
    split = [values.reshape(4, 4, *values.shape[1:]) for values in (images, labels)]
    in_axes = (None, 0, 0, None)
    if transform == "vmap":
        every = jax.jit(jax.vmap(step, in_axes, axis_name="devices"))(state, *split, given)
    elif transform == "pmap":
        every = jax.pmap(step, "devices", in_axes=in_axes, devices=four_devices)(
            state, *split, given
        )
    else:
        everywhere, mine = PartitionSpec(), PartitionSpec("devices")
        every = jax.jit(
            jax.shard_map(
                lambda *arguments: jax.tree.map(lambda leaf: leaf[None], step(*arguments)),
                mesh=Mesh(np.array(four_devices), "devices"),
                in_specs=(everywhere, mine, mine, everywhere),
                out_specs=mine,
                check_vma=False,
            )
        )(state, images, labels, given)
    for device in range(4):
        assert_close(jax.tree.map(lambda leaf, at=device: leaf[at], every), expected, 1e-4)
