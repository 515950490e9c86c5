"""One compilation serves all alphas, seeds, learning rates, epsilons, severities and steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.configuration.options import EvaluationOptions
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


def test_numbers_of_images_and_of_strengths_compile_nothing_anew():
    """For all measures of a network, of which none is asked for here that is of all images."""
    variables = fitted_variables(IMAGES, LABELS)

    def values(images, labels, attacked, severities, epsilons):
        names = ("selectivity", "dimensionality", "corruptions", "attacks", "indices")
        options = EvaluationOptions(
            measures=(*names, "ablation", "input_gradients"),
            corruptions=("gaussian_noise", "contrast"),
            severities=severities,
            epsilons=epsilons,
            pgd_steps=(2,),
        )
        batches = in_batches(images, labels, 8)
        first = jax.tree.map(lambda leaf: np.asarray(leaf)[:attacked], batches)
        there = evaluation_images(batches, first)
        return [row["value"] for row in measured(0, variables, there, options, TinyNetwork()).rows]

    more_images, more_labels = bytes_and_labels(36, seed=1)
    before = values(IMAGES, LABELS, 2, (1, 2), (2.0,))
    with counted_compilations() as compiled:
        after = values(more_images, more_labels, 3, (5, 4, 3), (8.0, 3.0, 0.5))
    assert compiled == []
    assert len(before) < len(after)
