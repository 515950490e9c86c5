import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.training.population import init_population, population_epoch
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import init_state, train_epoch, validate
from tests.study.tiny import TinyNetwork, bytes_and_labels, grid

pytestmark = pytest.mark.slow

RECIPE = Recipe(of_module(TinyNetwork()), 3, epochs=3, batch_size=8)
IMAGES, LABELS = bytes_and_labels(50)
VALIDATION = in_batches(*bytes_and_labels(21, seed=1), 8)


def trained(alphas, seeds, learning_rate=0.1, epochs=3, models_at_a_time=1):
    population = init_population(
        grid(alphas, seeds, learning_rate), recipe=RECIPE, image_shape=(8, 8, 3)
    )
    accuracies = []
    for epoch in range(epochs):
        population, validated = population_epoch(
            population,
            jnp.asarray(IMAGES),
            jnp.asarray(LABELS),
            VALIDATION,
            jnp.asarray(epoch),
            recipe=RECIPE,
            models_at_a_time=models_at_a_time,
        )
        accuracies.append(validated)
    return population, np.array(accuracies)


def assert_alike(one, other, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), one, other)


def network(population, number):
    return jax.tree.map(lambda leaf: leaf[number], population)


def test_grid_is_every_alpha_with_every_seed():
    hyperparameters = grid([-1, 0.5], range(3), 0.1)
    np.testing.assert_allclose(hyperparameters.alpha, [-1, -1, -1, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(hyperparameters.seed, [0, 1, 2, 0, 1, 2])
    np.testing.assert_allclose(hyperparameters.learning_rate, np.full(6, 0.1))


def test_a_population_of_one_equals_a_single_run():
    population, accuracies = trained([0.7], [5])
    given = network(grid([0.7], [5], 0.1), 0)
    state = init_state(given, RECIPE, (8, 8, 3))
    epoch = jax.jit(functools.partial(train_epoch, recipe=RECIPE))
    for number in range(3):
        state, metrics = epoch(
            state, jnp.asarray(IMAGES), jnp.asarray(LABELS), given, jnp.asarray(number)
        )
        history = jax.tree.map(lambda past, at=number: past[0, at], population.history)
        assert_alike(history, metrics, rtol=1e-5)
        expected = validate(RECIPE.network, state.variables, VALIDATION)
        np.testing.assert_allclose(accuracies[number, 0], expected, rtol=1e-6)
    assert_alike(network(population.state, 0), state, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("models_at_a_time", [1, 2, 4])
def test_networks_of_a_population_do_not_know_each_other(models_at_a_time):
    # One epoch: rounding grows with every step, and side by side sums are taken in another order.
    population, _ = trained([-1, 0.3], [0, 7], epochs=1, models_at_a_time=models_at_a_time)
    for number, (alpha, seed) in enumerate([(-1, 0), (-1, 7), (0.3, 0), (0.3, 7)]):
        alone, _ = trained([alpha], [seed], epochs=1)
        assert_alike(network(population, number), network(alone, 0), rtol=1e-3, atol=1e-5)


def test_same_seed_same_result_to_the_bit_and_other_seed_another():
    one, _ = trained([1], [0])
    same, _ = trained([1], [0])
    jax.tree.map(np.testing.assert_array_equal, one, same)
    other, _ = trained([1], [1])
    assert np.any(one.history.loss != other.history.loss)


def test_networks_of_one_seed_start_alike_whatever_their_alpha():
    population = init_population(grid([-1, 1], [0, 1], 0.1), recipe=RECIPE, image_shape=(8, 8, 3))
    for leaf in jax.tree.leaves(population.state.variables):
        np.testing.assert_array_equal(leaf[0], leaf[2])
    kernel = population.state.variables["params"]["Conv_0"]["kernel"]
    assert np.any(kernel[0] != kernel[1])


def test_the_best_epoch_is_kept_and_of_several_the_first():
    population, accuracies = trained([0, 3], [0, 1, 2], learning_rate=0.3)
    np.testing.assert_array_equal(population.best_epoch, accuracies.argmax(axis=0) + 1)
    np.testing.assert_allclose(population.best_accuracy, accuracies.max(axis=0))
    assert len(set(population.best_epoch.tolist())) > 1
    for number in range(6):
        kept = network(population.best_variables, number)
        accuracy = validate(RECIPE.network, kept, VALIDATION)
        np.testing.assert_allclose(accuracy, accuracies[:, number].max(), rtol=1e-6)


def test_a_negative_alpha_makes_networks_less_selective():
    population, _ = trained([-1, 0], [0, 1])
    with_penalty, without = population.history.selectivity[:, -1].reshape(2, 2)
    assert np.all(with_penalty < without - 0.1)


def test_history_is_nan_for_epochs_to_come():
    population, _ = trained([0], [0], epochs=2)
    assert np.all(np.isfinite(population.history.loss[:, :2]))
    assert np.all(np.isnan(population.history.loss[:, 2:]))
