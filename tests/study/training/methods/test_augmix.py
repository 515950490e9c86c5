"""AugMix training: its versions of each image, and its loss beside one in NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.models.network import of_module
from selectax.study.training.methods.augmix import three_versions
from selectax.study.training.methods.batch import keys_of_images
from tests.reference import selectivity as reference
from tests.study.tiny import TinyNetwork
from tests.study.training.methods.tiny_method import (
    Normalized,
    batch_of,
    hyperparameters,
    one_step,
    recipe_of,
    unit_images,
)

pytestmark = pytest.mark.slow


@functools.partial(jax.jit, static_argnames="samples")
def versions(keys, images, strength, samples):
    labels = jnp.zeros(samples, jnp.int32)
    batch = batch_of(None, images, labels, strength)._replace(keys=keys)
    return three_versions(batch._replace(strength=strength)).reshape(3, samples, 8, 8, 3)


def of_images(images, strength, key=None):
    keys = keys_of_images(jax.random.key(1) if key is None else key, len(images), None)
    return versions(keys, jnp.asarray(images), jnp.float32(strength), len(images))


def test_clean_images_come_first_and_two_different_versions_follow():
    images, _ = unit_images(4)
    clean, one, other = of_images(images, 1)
    np.testing.assert_array_equal(clean, images)
    for first, second in ((one, images), (other, images), (one, other)):
        assert np.all(np.abs(np.asarray(first - second)).max((1, 2, 3)) > 0)


def test_at_strength_0_all_three_are_the_images_to_the_bit():
    images, _ = unit_images(4)
    for version in of_images(images, 0):
        np.testing.assert_array_equal(version, images)


def test_the_loss_is_that_of_the_authors_on_all_three_versions_together():
    """Cross-entropy and selectivity of the clean images, and 12 times the divergence."""
    images, labels = unit_images(8)
    given, key = hyperparameters(1.0, alpha=-0.7), jax.random.key(3)
    state, metrics = one_step(recipe_of("augmix"), given, images, labels, key)
    together = np.concatenate(of_images(images, 1, key))
    recipe = recipe_of("standard")
    start = recipe.network.init(jax.random.fold_in(jax.random.key(0), 0), images[:1])
    (logits, activations), updates = of_module(Normalized()).train(start, together, None)
    logits = np.asarray(logits, np.float64).reshape(3, 8, 3)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    cross_entropy = -np.log(probabilities[0, np.arange(8), labels]).mean()
    mixture = probabilities.mean(0)
    divergences = [(p * (np.log(p) - np.log(mixture))).sum(-1).mean() for p in probabilities]
    first = {name: layer[:8] for name, layer in activations.items()}
    selectivity = reference.mean_selectivity(first, labels, 3)
    expected = cross_entropy + 0.7 * selectivity + 12 * np.mean(divergences)
    np.testing.assert_allclose(metrics.loss, expected, rtol=1e-4)
    np.testing.assert_allclose(metrics.selectivity, selectivity, rtol=1e-4)
    np.testing.assert_allclose(metrics.accuracy, (logits[0].argmax(-1) == labels).mean())
    assert 12 * np.mean(divergences) > 1e-4
    # Batch norm's statistics are those of all three versions.
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6),
        state.variables["batch_stats"],
        updates["batch_stats"],
    )


def test_micro_batches_hold_all_versions_of_their_images():
    """Per-image logits, without batch norm: the same step as of the whole batch."""
    images, labels = unit_images(8)
    given, network = hyperparameters(1.0, alpha=0.5), of_module(TinyNetwork())
    expected = one_step(recipe_of("augmix", network), given, images, labels)
    found = one_step(recipe_of("augmix", network, micro_batches=2), given, images, labels)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), found, expected
    )
