"""A network trained on CIFAR-10 in PyTorch."""

import functools

import jax
import jax.numpy as jnp

from selectax import models


@functools.cache
def resnet32(folder):
    """The predicted labels of images in [0, 1], as a compiled function."""
    variables = models.from_torch(folder / "resnet32-cifar10.th", "resnet32", 10)
    network = models.create("resnet32", 10)
    return jax.jit(lambda images: jnp.argmax(network.apply(variables, images)[0], axis=-1))
