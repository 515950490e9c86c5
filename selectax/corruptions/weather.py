"""Weather."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.colour import luma
from selectax.corruptions.operations.eight_bits import truncated
from selectax.corruptions.operations.fractal import diamond_square
from selectax.corruptions.operations.fusion import computed_once
from selectax.corruptions.operations.motion import blur_along, motion_weights
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


SNOW = Corruption(
    name="snow",
    apply=_snow,
    constants=_snow_constants,
    # mean, deviation, zoom and threshold of the layer; half the reach and deviation of its blur;
    # share of the image that is not whitened
    severities={
        "cifar10": (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        "tiny_imagenet": (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
        ),
        "imagenet": (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    needs_colour=True,
    is_extra=False,
)

FOG = Corruption(
    name="fog",
    apply=_fog,
    # amount, decay of the noise's square root when the step is halved
    severities={
        "cifar10": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        "tiny_imagenet": ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
        "imagenet": ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    is_extra=False,
)

BRIGHTNESS = Corruption(
    name="brightness",
    apply=_brightness,
    # what is added to the HSV value
    severities={
        "cifar10": (0.05, 0.1, 0.15, 0.2, 0.3),
        "tiny_imagenet": (0.1, 0.2, 0.3, 0.4, 0.5),
        "imagenet": (0.1, 0.2, 0.3, 0.4, 0.5),
    },
    source=BENCHMARK_SOURCE,
    is_extra=False,
)
