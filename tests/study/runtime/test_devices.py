"""The same networks, whatever the devices, the parts of the batch and the pieces of the epoch."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import models
from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.runtime.devices import (
    copy_to_all,
    describe_mesh,
    make_mesh,
    share_batches,
    spread_networks,
)
from selectax.study.training.population import end_epoch, init_population, resident_steps
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import init_state, train_step
from tests.study.tiny import TinyNetwork, bytes_and_labels, grid

pytestmark = [pytest.mark.slow, pytest.mark.optimized]

IMAGES, LABELS = bytes_and_labels(42)
VALIDATION = bytes_and_labels(13, seed=1)
RECIPE = Recipe(of_module(models.create("resnet8", 3)), 3, epochs=2, batch_size=16)
TINY = Recipe(of_module(TinyNetwork()), 3, epochs=10, batch_size=16)
LAYOUTS = ["4x1", "1x4", "2x2"]


def trained(layout, steps, devices, recipe=RECIPE, dtype=np.float32, networks=3):
    """Networks after some steps, two at a time, and their validation accuracies."""
    mesh = make_mesh(layout, networks, recipe.batch_size, devices)
    hyperparameters = grid([-1.0, 0.5, 1.0][:networks], [3], 0.02)
    population = init_population(hyperparameters, recipe=recipe, image_shape=(8, 8, 3))
    population = jax.tree.map(
        lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
        population,
    )
    population = spread_networks(population, mesh)
    images, labels = copy_to_all((jnp.asarray(IMAGES), jnp.asarray(LABELS)), mesh)
    parts = 1 if mesh is None else mesh.shape["data"]
    validation = share_batches(in_batches(*VALIDATION, 5, multiple=parts), mesh)
    options = {"recipe": recipe, "mesh": mesh}
    per_epoch = len(LABELS) // recipe.batch_size
    for done in range(0, steps, per_epoch):
        population = resident_steps(
            population, images, labels, done, min(per_epoch, steps - done), **options
        )
    return end_epoch(population, validation, 0, steps=per_epoch, **options)


def assert_close(one, other, tolerance):
    """Each array, relative to its largest value."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        largest = np.nanmax(np.abs(np.asarray(b)), initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize("layout", ["2x2"])
def test_residual_networks_agree_over_layouts_in_float32(layout, four_devices):
    """Its batch norm takes the statistics of the whole batch, and augmentation its draws."""
    expected = trained("1x1", 1, four_devices)
    assert_close(trained(layout, 1, four_devices), expected, 1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_networks_agree_over_layouts_after_5_steps_in_float32(layout, four_devices):
    """Longer training amplifies rounding tenfold every three steps, by the processor's kind."""
    expected = trained("1x1", 5, four_devices, recipe=TINY)
    assert_close(trained(layout, 5, four_devices, recipe=TINY), expected, 2e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_networks_agree_over_layouts_after_20_steps_in_float64(layout, four_devices):
    with jax.enable_x64(True):
        options = {"recipe": TINY, "dtype": np.float64}
        expected = trained("1x1", 20, four_devices, **options)
        found = trained(layout, 20, four_devices, **options)
        assert expected[0].state.variables["params"]["Dense_0"]["kernel"].dtype == np.float64
        assert_close(found, expected, 1e-8)


def test_any_number_of_steps_at_a_time_gives_the_same_bits():
    images, labels = jnp.asarray(IMAGES), jnp.asarray(LABELS)
    ends = []
    for lengths in ((2,), (1, 1)):
        population = init_population(grid([1.0], [0], 0.1), recipe=TINY, image_shape=(8, 8, 3))
        done = 0
        for steps in lengths:
            population = resident_steps(population, images, labels, done, steps, recipe=TINY)
            done += steps
        ends.append(population)
    jax.tree.map(np.testing.assert_array_equal, *ends)


@pytest.mark.parametrize(
    ("micro_batches", "layers"),
    [(2, None), (4, None), (2, ("second",)), (4, (("second", "first"),))],
)
def test_micro_batches_take_the_step_of_the_whole_batch(micro_batches, layers):
    images, labels = (values[:16] for values in (IMAGES / np.float32(255), LABELS))
    recipe = dataclasses.replace(TINY, layers=layers)
    (given,) = jax.tree.transpose(
        jax.tree.structure(grid([5.0], [1], 0.1)),
        jax.tree.structure([0]),
        jax.tree.map(list, grid([5.0], [1], 0.1)),
    )
    state = init_state(given, recipe, (8, 8, 3))
    step = jax.jit(train_step, static_argnames=("recipe", "steps_per_epoch"))
    options = {"steps_per_epoch": 5}
    expected = step(state, images, labels, given, recipe=recipe, **options)
    parts = dataclasses.replace(recipe, micro_batches=micro_batches)
    found = step(state, images, labels, given, recipe=parts, **options)
    assert_close(found, expected, 1e-5)


def test_micro_batches_of_devices_take_the_step_of_the_whole_batch(four_devices):
    images, labels = (values[:16] for values in (IMAGES / np.float32(255), LABELS))
    given = jax.tree.map(lambda leaf: leaf[0], grid([5.0], [1], 0.1))
    state = init_state(given, TINY, (8, 8, 3))
    expected = train_step(state, images, labels, given, recipe=TINY, steps_per_epoch=5)
    step = functools.partial(
        train_step,
        recipe=dataclasses.replace(TINY, micro_batches=2),
        steps_per_epoch=5,
        axis_name="devices",
    )
    split = [values.reshape(4, 4, *values.shape[1:]) for values in (images, labels)]
    in_axes = (None, 0, 0, None)
    every = jax.pmap(step, "devices", in_axes=in_axes, devices=four_devices)(state, *split, given)
    for device in range(4):
        one = jax.tree.map(lambda leaf, at=device: leaf[at], every)
        assert_close(one, expected, 1e-5)


def test_batch_norm_may_be_of_each_device(four_devices):
    """Then the networks differ from those of one device, and the devices agree all the same."""
    recipe = dataclasses.replace(RECIPE, synchronize_batch_norm=False)
    together, _ = trained("1x1", 1, four_devices, networks=1)
    apart, _ = trained("1x4", 1, four_devices, recipe=recipe, networks=1)
    norm = "stage0_stem_norm"
    one, other = (
        population.state.variables["batch_stats"][norm]["var"] for population in (together, apart)
    )
    assert np.all(np.asarray(other) < np.asarray(one))
    for leaf in jax.tree.leaves(apart.state.variables):
        first, *others = (np.asarray(shard.data) for shard in leaf.addressable_shards)
        for another in others:
            np.testing.assert_array_equal(another, first)


@pytest.mark.parametrize(
    ("networks", "batch_size", "devices", "shape"),
    [
        (320, 128, 8, (8, 1)),
        (9, 32, 8, (4, 2)),
        (8, 32, 8, (8, 1)),
        (1, 32, 8, (1, 8)),
        (3, 32, 4, (4, 1)),
        (2, 32, 4, (2, 2)),
        (4, 32, 4, (4, 1)),
        (1, 31, 4, (4, 1)),
    ],
)
def test_auto_spreads_networks_first(networks, batch_size, devices, shape, monkeypatch):
    made = make_mesh("auto", networks, batch_size, np.arange(devices).astype(object))
    assert tuple(made.shape.values()) == shape
    assert made.axis_names == ("model", "data")


@pytest.mark.parametrize("networks", [1, 2, 9])
def test_auto_leaves_batches_whole_if_they_must_be(networks, four_devices):
    mesh = make_mesh("auto", networks, 32, four_devices, whole_batches=True)
    assert tuple(mesh.shape.values()) == (4, 1)


def test_a_layout_that_splits_batches_which_must_stay_whole_is_refused(four_devices):
    with pytest.raises(ConfigurationError, match="--mesh 2x2: splits each batch over 2 devices"):
        make_mesh("2x2", 9, 32, four_devices, whole_batches=True)
    assert make_mesh("4x1", 9, 32, four_devices, whole_batches=True).shape["model"] == 4


def test_one_device_needs_no_mesh(four_devices):
    assert make_mesh("auto", 9, 32, four_devices[:1]) is None
    assert make_mesh("1x1", 9, 32, four_devices) is None
    assert describe_mesh(None) == "1 device (cpu)"
    four = make_mesh("2x2", 9, 32, four_devices)
    assert describe_mesh(four) == "4 devices (cpu): 2 for networks × 2 for each batch"


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        ("4", "--mesh 4: give auto, or two numbers"),
        ("0x4", "--mesh 0x4: give auto, or two numbers"),
        ("-1x4", "--mesh -1x4: give auto, or two numbers"),
        ("8x1", "--mesh 8x1: needs 8 devices but only 4 are available"),
        ("1x3", "--mesh 1x3: --batch-size 32 is not a multiple of 3"),
    ],
)
def test_layouts_that_cannot_be_are_refused(layout, says, four_devices):
    with pytest.raises(ConfigurationError) as raised:
        make_mesh(layout, 9, 32, four_devices)
    assert str(raised.value).startswith(says)


def test_micro_batches_are_whole_on_each_device(four_devices):
    assert make_mesh("auto", 1, 32, four_devices, micro_batches=4).shape["data"] == 4
    # Two images cannot be split over four devices, and one network does not fill two.
    assert make_mesh("auto", 1, 32, four_devices, micro_batches=16).shape["data"] == 1
    assert make_mesh("auto", 2, 32, four_devices, micro_batches=16).shape["data"] == 2
    text = (
        r"--mesh 1x4: --batch-size 32 in 16 --micro-batches is not a multiple of 4; .* the part\.$"
    )
    with pytest.raises(ConfigurationError, match=text):
        make_mesh("1x4", 1, 32, four_devices, micro_batches=16)
