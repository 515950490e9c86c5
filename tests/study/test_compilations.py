"""One compilation serves all alphas, seeds, learning rates, epsilons, severities and steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.computation.statistics import Perturbation, measure_perturbed
from selectax.study.training.population import init_population, population_epoch
from selectax.study.training.recipe import Recipe
from tests.compiling import counted_compilations
from tests.study.tiny import (
    TinyNetwork,
    bytes_and_labels,
    evaluation_images,
    fitted_variables,
    grid,
    measured,
)

pytestmark = pytest.mark.slow

MODULE = TinyNetwork()
RECIPE = Recipe(of_module(MODULE), 3, epochs=3, batch_size=8)
IMAGES, LABELS = bytes_and_labels(24)
BATCHES = in_batches(IMAGES, LABELS, 8)


def trained(alphas, seeds, learning_rate, models_at_a_time):
    population = init_population(
        grid(alphas, seeds, learning_rate), recipe=RECIPE, image_shape=IMAGES.shape[1:]
    )
    for epoch in range(2):
        population, _ = population_epoch(
            population,
            jnp.asarray(IMAGES),
            jnp.asarray(LABELS),
            BATCHES,
            jnp.asarray(epoch),
            recipe=RECIPE,
            models_at_a_time=models_at_a_time,
        )
    return population


def test_compilations_are_counted():
    with counted_compilations() as compiled:
        jax.jit(lambda number: number * 3 + 1)(jnp.ones(7))
    count = len(compiled)
    assert count >= 1
    jax.jit(lambda number: number * 5 + 1)(jnp.ones(7))
    assert len(compiled) == count


@pytest.mark.parametrize("models_at_a_time", [1, 2])
def test_alphas_seeds_and_learning_rates_compile_nothing_anew(models_at_a_time):
    before = trained((-1.0, 0.0), (0, 1), 0.1, models_at_a_time)
    with counted_compilations() as compiled:
        after = trained((0.3, 7.0), (5, 1), 0.02, models_at_a_time)
    assert compiled == []
    assert jnp.all(before.history.loss[:, 0] != after.history.loss[:, 0])


def test_networks_seeds_epsilons_and_steps_compile_nothing_anew():
    """A module that is made anew is still the same network."""

    def values(seed, scale, epsilons, steps):
        variables = jax.tree.map(lambda leaf: leaf * scale, fitted_variables(IMAGES, LABELS))
        corruptions = ("gaussian_noise",)
        options = EvaluationOptions(corruptions=corruptions, epsilons=epsilons, pgd_steps=steps)
        images = evaluation_images(BATCHES, BATCHES)
        found = measured(seed, variables, images, options, TinyNetwork())
        return [row["value"] for row in found.rows]

    before = values(0, np.float32(1), (2.0, 4.0), (2,))
    with counted_compilations() as compiled:
        after = values(3, np.float32(1.5), (0.0, 30.0), (5, 1))
    assert compiled == []
    assert before != after[: len(before)]


def test_severities_compile_nothing_anew():
    def shift(severities):
        measured = measure_perturbed(
            jax.random.key(0),
            fitted_variables(IMAGES, LABELS),
            BATCHES,
            jnp.asarray(severities, jnp.float32),
            jnp.asarray(0, jnp.int32),
            apply=of_module(MODULE).apply,
            perturbation=Perturbation("contrast"),
            num_classes=3,
        )
        return np.asarray(measured.perturbed.participation_ratio)

    before = shift((1, 2))
    with counted_compilations() as compiled:
        after = shift((5, 4))
    assert compiled == []
    assert np.all(before != after)
