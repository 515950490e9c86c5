"""Measures of many networks at once, by jit and vmap, are those of each alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import selectax

NETWORKS, SAMPLES, UNITS, CLASSES = 3, 40, 5, 4
KEY = jax.random.key(0)
IMAGES = jax.random.uniform(KEY, (SAMPLES, 6))
LABELS = jnp.arange(SAMPLES) % CLASSES
WEIGHTS = jax.random.normal(jax.random.key(1), (NETWORKS, 6, UNITS))


def responses(weights, images):
    return jax.nn.relu(images @ weights)


def tuning(index, weights):
    statistics = selectax.init_class_statistics(CLASSES, UNITS)
    given = responses(weights, IMAGES)
    return index(selectax.update_class_statistics(statistics, given, LABELS))


def precision(weights):
    strongest = selectax.init_strongest_responses(7, UNITS)
    strongest = selectax.update_strongest_responses(strongest, responses(weights, IMAGES), LABELS)
    return selectax.precision_at_k(strongest, CLASSES)


def ablated(weights):
    def logits(images, masks):
        return (responses(weights, images) * masks["units"])[:, :CLASSES]

    index = selectax.layer_selectivity({"units": responses(weights, IMAGES)}, LABELS, CLASSES)
    order = selectax.most_selective_first(index["units"])
    masks = {"units": selectax.cumulative_masks(order)}
    return selectax.ablated_accuracy(logits, masks, IMAGES, LABELS)


def variation(norms_of, weights):
    norms = norms_of(functools.partial(responses, weights), IMAGES)
    moments = selectax.update_norm_moments(selectax.init_norm_moments(UNITS), norms)
    return selectax.variation_over_samples(moments), selectax.variation_over_units(moments)


MEASURES = {
    **{
        index.__name__: functools.partial(tuning, index)
        for index in (
            selectax.preferred_class,
            selectax.class_conditional_mean_activity_selectivity,
            selectax.d_prime,
            selectax.treves_rolls_sparseness,
            selectax.vinje_gallant_sparseness,
        )
    },
    "precision_at_k": precision,
    "ablated_accuracy": ablated,
    "exact_input_gradient_norms": functools.partial(variation, selectax.exact_input_gradient_norms),
    "input_gradient_norms": functools.partial(
        variation, functools.partial(selectax.input_gradient_norms, KEY)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_networks_side_by_side_are_measured_as_alone(name):
    measure = MEASURES[name]
    together = jax.jit(jax.vmap(measure))(WEIGHTS)
    alone = [measure(weights) for weights in WEIGHTS]
    stacked = jax.tree.map(lambda *values: np.stack(values), *alone)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=2e-5, atol=1e-6), together, stacked
    )
    assert any(np.ptp(values, axis=0).any() for values in jax.tree.leaves(stacked))
