"""Noise."""

import jax

from selectax.corruptions.corruption import Corruption


def _gaussian_noise(key, image, deviation):
    return image + deviation * jax.random.normal(key, image.shape, image.dtype)


gaussian_noise = Corruption(_gaussian_noise)
