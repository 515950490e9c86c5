"""Noise."""

import jax
import jax.numpy as jnp

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
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


GAUSSIAN_NOISE = Corruption(
    name="gaussian_noise",
    apply=_gaussian_noise,
    # deviation of the noise
    severities={
        "cifar10": (0.04, 0.06, 0.08, 0.09, 0.10),
        "tiny_imagenet": (0.04, 0.08, 0.12, 0.15, 0.18),
        "imagenet": (0.08, 0.12, 0.18, 0.26, 0.38),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    is_extra=False,
)

SHOT_NOISE = Corruption(
    name="shot_noise",
    apply=_shot_noise,
    # expected photons of a white value
    severities={
        "cifar10": (500, 250, 100, 75, 50),
        "tiny_imagenet": (250, 100, 50, 30, 15),
        "imagenet": (60, 25, 12, 5, 3),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    is_extra=False,
)

IMPULSE_NOISE = Corruption(
    name="impulse_noise",
    apply=_impulse_noise,
    # share of the values
    severities={
        "cifar10": (0.01, 0.02, 0.03, 0.05, 0.07),
        "tiny_imagenet": (0.01, 0.02, 0.05, 0.08, 0.14),
        "imagenet": (0.03, 0.06, 0.09, 0.17, 0.27),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    is_extra=False,
)

SPECKLE_NOISE = Corruption(
    name="speckle_noise",
    apply=_speckle_noise,
    # deviation of the noise, as a share of the value
    severities={
        "cifar10": (0.06, 0.1, 0.12, 0.16, 0.2),
        "tiny_imagenet": (0.15, 0.2, 0.25, 0.3, 0.35),
        "imagenet": (0.15, 0.2, 0.35, 0.45, 0.6),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    is_extra=True,
)
