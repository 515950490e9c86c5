"""What is compiled for TPU and GPU has their own operations in it, and none of the CPU's."""

import functools
import re
from collections import Counter

import jax
import jax.numpy as jnp
import pytest
from jax import export

from selectax import models
from selectax.attacks import pgd
from selectax.dimensionality import init_covariance, principal_variances, update_covariance
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_epoch

pytestmark = pytest.mark.slow

# Of ResNet-8.
CONVOLUTIONS = 7
IMAGES = jax.ShapeDtypeStruct((8, 32, 32, 3), jnp.float32)
LABELS = jax.ShapeDtypeStruct((8,), jnp.int32)

on_accelerators = pytest.mark.parametrize("platform", ["tpu", "cuda"])


def operations(platform, function, *arguments):
    """Number of each operation of the program, and the program."""
    exported = export.export(jax.jit(function), platforms=[platform])(*arguments)
    text = exported.mlir_module()
    return Counter(re.findall(r"stablehlo\.(\w+)", text)), text


@on_accelerators
def test_an_epoch_of_training_is_one_loop_of_native_convolutions(platform):
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, epochs=1, batch_size=4)
    hyperparameters = Hyperparameters(jnp.float32(-1), jnp.float32(0.1), jnp.int32(0))
    state = jax.eval_shape(lambda: init_state(hyperparameters, recipe, (32, 32, 3)))
    images = jax.ShapeDtypeStruct(IMAGES.shape, jnp.uint8)
    found, text = operations(
        platform,
        functools.partial(train_epoch, recipe=recipe),
        *(state, images, LABELS, hyperparameters, jnp.int32(0)),
    )
    # Forward, gradients of the weights, and of the maps but for the images themselves.
    assert found["convolution"] == 3 * CONVOLUTIONS - 1
    assert found["while"] == 1
    assert found["custom_call"] == 0
    assert "callback" not in text


@on_accelerators
def test_an_attack_is_one_loop_of_native_convolutions(platform):
    module = models.create("resnet8", 10)
    variables = module.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))

    def attack(key, images, labels):
        def logits_fn(points):
            return module.apply(variables, points)[0]

        return pgd(key, logits_fn, images, labels, epsilon=0.1, steps=10)

    key = jax.eval_shape(lambda: jax.random.key(0))
    found, text = operations(platform, attack, key, IMAGES, LABELS)
    assert found["while"] == 1
    # A step's forward and backward pass, and a forward pass elsewhere.
    assert found["convolution"] == 3 * CONVOLUTIONS
    assert found["custom_call"] == 0
    assert "callback" not in text


@pytest.mark.parametrize(("platform", "solver"), [("tpu", "Eigh"), ("cuda", "cusolver_syevd_ffi")])
def test_principal_variances_are_the_platforms_own(platform, solver):
    def variances(responses):
        return principal_variances(update_covariance(init_covariance(64), responses))

    responses = jax.ShapeDtypeStruct((100, 64), jnp.float32)
    found, text = operations(platform, variances, responses)
    assert f"custom_call @{solver}(" in text
    assert found["custom_call"] == 1
    assert "callback" not in text
