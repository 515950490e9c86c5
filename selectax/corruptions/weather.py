"""Weather."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import Corruption
from selectax.corruptions.motion import blur_along, motion_weights
from selectax.corruptions.operations.colour import luma
from selectax.corruptions.operations.eight_bits import truncated
from selectax.corruptions.operations.fractal import diamond_square
from selectax.corruptions.operations.fusion import computed_once
from selectax.corruptions.operations.zoom import zoom, zoom_positions


def _brightness(_, image, amount):
    # At constant hue and saturation all channels are proportional to the HSV value, their maximum.
    value = jnp.max(image, axis=-1, keepdims=True)
    brighter = jnp.clip(value + amount, 0, 1)
    black = value == 0
    return jnp.where(black, brighter, image * (brighter / jnp.where(black, 1, value)))


def _fog(key, image, parameters):
    amount, decay = parameters
    height, width, _ = image.shape
    side = 2 ** math.ceil(math.log2(max(height, width)))
    fog = diamond_square(key, side, decay)[:height, :width, None]
    brightest = jnp.max(image)
    return (image + amount * fog) * brightest / (brightest + amount)


def _snow(key, image, constants):
    (mean, deviation, threshold, share), rows, columns, weights = constants
    layer_key, angle_key = jax.random.split(key)
    height, width, _ = image.shape
    layer = mean + deviation * jax.random.normal(layer_key, (height, width, 1), image.dtype)
    layer = zoom(layer, rows, columns)
    layer = truncated(jnp.clip(jnp.where(layer < threshold, 0, layer), 0, 1)) / 255
    angle = jax.random.uniform(angle_key, (), image.dtype, -3 * math.pi / 4, -math.pi / 4)
    layer = computed_once(truncated(blur_along(layer, weights, angle)) / 255)
    whitened = jnp.maximum(image, 1.5 * luma(image) + 0.5)
    return share * image + (1 - share) * whitened + layer + layer[::-1, ::-1]


def _snow_constants(severities, image_shape):
    means, deviations, factors, thresholds, radii, sigmas, shares = zip(*severities, strict=True)
    axes = []
    for size in image_shape[:2]:
        before, share = zip(*(zoom_positions(factor, size) for factor in factors), strict=True)
        axes.append((np.array(before), np.array(share)))
    scalars = np.array([means, deviations, thresholds, shares], np.float32).T
    return scalars, *axes, motion_weights(radii, sigmas)


brightness = Corruption(_brightness)
fog = Corruption(_fog)
snow = Corruption(_snow, _snow_constants, in_colour=True)
