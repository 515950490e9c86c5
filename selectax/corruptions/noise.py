"""Noise."""

import jax
import jax.numpy as jnp

from selectax.corruptions.corruption import Corruption
from selectax.corruptions.operations.poisson import poisson_quantile


def _gaussian_noise(key, image, deviation):
    return image + deviation * jax.random.normal(key, image.shape, image.dtype)


def _shot_noise(key, image, photons):
    uniform = jax.random.uniform(key, image.shape, image.dtype)
    return poisson_quantile(uniform, photons * image) / photons


def _impulse_noise(key, image, share):
    uniform = jax.random.uniform(key, image.shape, image.dtype)
    return jnp.where(uniform < share / 2, 0, jnp.where(uniform < share, 1, image))


def _speckle_noise(key, image, deviation):
    return image + image * deviation * jax.random.normal(key, image.shape, image.dtype)


gaussian_noise = Corruption(_gaussian_noise)
shot_noise = Corruption(_shot_noise)
impulse_noise = Corruption(_impulse_noise)
speckle_noise = Corruption(_speckle_noise)
