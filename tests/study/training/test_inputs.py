"""Streamed images give the networks that resident ones give, from any step on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.training import inputs
from selectax.study.training.inputs import Resident, Streamed, steps_of_epoch
from selectax.study.training.population import end_epoch, init_population, population_epoch
from selectax.study.training.recipe import Recipe
from tests.study.tiny import TinyNetwork, bytes_and_labels, grid

pytestmark = pytest.mark.slow

RECIPE = Recipe(of_module(TinyNetwork()), 3, epochs=2, batch_size=8)
IMAGES, LABELS = bytes_and_labels(50)
VALIDATION = in_batches(*bytes_and_labels(21, seed=1), 8)
SOURCE = [{"image": i, "label": label} for i, label in zip(IMAGES, LABELS, strict=True)]
STEPS = 50 // 8


def fresh():
    """Two alphas of two seeds, so that networks of a seed are not side by side."""
    return init_population(grid([-1, 0.5], [0, 7], 0.1), recipe=RECIPE, image_shape=(8, 8, 3))


def trained(training_images, population=None, done=0):
    population = population or fresh()
    options = {"recipe": RECIPE, "models_at_a_time": 1}
    while done < 2 * STEPS:
        *_, (done, population) = steps_of_epoch(population, training_images, done, **options)
        epoch = jnp.asarray(done // STEPS - 1)
        population, _ = end_epoch(population, VALIDATION, epoch, steps=STEPS, **options)
    return population


@pytest.fixture(scope="module")
def resident():
    return jax.device_get(trained(Resident(jnp.asarray(IMAGES), jnp.asarray(LABELS))))


def assert_alike(one, other):
    # In programs of other lengths sums may be taken in another order.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, other)


def test_resident_steps_are_epochs(resident):
    population = fresh()
    for epoch in range(2):
        population, _ = population_epoch(
            population,
            jnp.asarray(IMAGES),
            jnp.asarray(LABELS),
            VALIDATION,
            jnp.asarray(epoch),
            recipe=RECIPE,
        )
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(population), resident)


@pytest.mark.parametrize("steps_at_a_time", [1, 4, 100])
def test_streamed_training_gives_the_same_networks(steps_at_a_time, resident, monkeypatch):
    step_bytes = 2 * 8 * IMAGES[0].size  # of both seeds
    monkeypatch.setattr(inputs, "_STREAMED_BYTES", steps_at_a_time * step_bytes)
    assert_alike(jax.device_get(trained(Streamed(SOURCE, 50))), resident)


def test_streamed_training_goes_on_within_an_epoch(resident, monkeypatch):
    monkeypatch.setattr(inputs, "_STREAMED_BYTES", 4 * 2 * 8 * IMAGES[0].size)
    pieces = steps_of_epoch(fresh(), Streamed(SOURCE, 50), 0, recipe=RECIPE, models_at_a_time=1)
    done, population = next(pieces)
    assert done == 4
    assert np.all(population.state.step == 4)
    stopped = jax.tree.map(jnp.asarray, jax.device_get(population))
    pieces.close()
    assert_alike(jax.device_get(trained(Streamed(SOURCE, 50), stopped, done)), resident)


def test_only_the_first_samples_are_taken():
    some = trained(Streamed(SOURCE, 24), done=2 * STEPS - 3)
    same = trained(Streamed(SOURCE[:24], 24), done=2 * STEPS - 3)
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(some), jax.device_get(same))
