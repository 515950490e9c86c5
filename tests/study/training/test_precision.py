"""Training in bfloat16 beside float32: feature maps are coarser, everything else is not."""

import dataclasses

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import models
from selectax.models.network import of_module
from selectax.selectivity import layer_selectivity
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_step

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.uniform(0, 1, (32, 16, 16, 3)).astype(np.float32)
LABELS = GENERATOR.integers(0, 4, 32).astype(np.int32)


def modules(name):
    return models.create(name, 4), models.create(name, 4, dtype=jnp.bfloat16)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet8", "resnet18", "vgg16"])
def test_feature_maps_are_coarse_and_nothing_else_is(name):
    images = IMAGES if name == "resnet8" else np.repeat(np.repeat(IMAGES[:8], 2, 1), 2, 2)
    labels = LABELS[: len(images)]
    fine, coarse = modules(name)
    variables = jax.jit(coarse.init)(jax.random.key(0), images)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype(np.float32)}
    results = []
    for module in (fine, coarse):

        @jax.jit
        def apply(variables, module=module):
            return module.apply(variables, images, train=True, mutable=["batch_stats"])

        (logits, activations), updates = apply(variables)
        assert logits.dtype == np.float32
        assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {np.dtype(np.float32)}
        assert {layer.dtype for layer in activations.values()} == {
            np.dtype(np.float32 if module is fine else jnp.bfloat16)
        }
        index = layer_selectivity(activations, labels, 4)
        assert {layer.dtype for layer in index.values()} == {np.dtype(np.float32)}
        results.append((logits, index))
    (logits, index), (coarse_logits, coarse_index) = results
    assert 0 < np.sqrt(np.mean((logits - coarse_logits) ** 2)) < 0.1 * np.std(logits)
    for layer in index:
        assert abs(np.mean(index[layer]) - np.mean(coarse_index[layer])) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, -1.0])
def test_a_step_goes_the_same_way(alpha):
    given = Hyperparameters(jnp.float32(alpha), jnp.float32(0.1), jnp.int32(0))
    changes = []
    for module in modules("resnet8"):
        recipe = Recipe(of_module(module), 4, epochs=1, batch_size=32)
        state = init_state(given, recipe, IMAGES.shape[1:])
        step = jax.jit(train_step, static_argnames=("recipe", "steps_per_epoch"))
        after, metrics = step(state, IMAGES, LABELS, given, recipe=recipe, steps_per_epoch=4)
        assert metrics.loss.dtype == np.float32
        difference = jax.tree.map(
            jnp.subtract, after.variables["params"], state.variables["params"]
        )
        changes.append((jax.flatten_util.ravel_pytree(difference)[0], dataclasses.astuple(metrics)))
    (fine, of_fine), (coarse, of_coarse) = changes
    assert fine.dtype == coarse.dtype == np.float32
    cosine = fine @ coarse / jnp.linalg.norm(fine) / jnp.linalg.norm(coarse)
    assert 0.99 < cosine < 1 - 1e-7
    np.testing.assert_allclose(of_coarse[0], of_fine[0], rtol=0.02)
    np.testing.assert_allclose(of_coarse[2], of_fine[2], rtol=0.02)
