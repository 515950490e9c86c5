"""Frost: an image under a random part of a texture.

The benchmark's textures are photographs, which are not ours to ship. Those made here are random
fields with the photographs' colours, distributions of grey, contrasts between and within the parts
that cover an image, and correlations of neighbouring pixels; they have no crystals.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption

# Of the photographs, in the order of the benchmark, which holds one of them twice: mean colour,
# and percentiles of grey, from 0 to 255.
_COLOURS = ((78, 149, 166), (201, 205, 214), (201, 205, 214), (138, 153, 166), (112, 123, 135))
_PERCENTS = (5, 25, 50, 75, 95)
_GREYS = (
    (104, 118, 129, 142, 163),
    (166, 195, 210, 223, 236),
    (166, 195, 210, 223, 236),
    (105, 135, 152, 169, 199),
    (60, 91, 120, 151, 203),
)

# Shares of the variance that fields smoothed by these deviations have, in pixels of the photographs
# scaled as for CIFAR-10-C (to a fifth) and for Tiny ImageNet-C (to three tenths). Fitted to the
# contrasts and correlations.
_SIGMAS = (0, 0.7, 1.5, 4, 10, 32)
_VARIANCES = {
    "cifar10": (
        (0.275, 0.054, 0.036, 0.151, 0.219, 0.265),
        (0.371, 0.152, 0.020, 0.173, 0.171, 0.112),
        (0.371, 0.152, 0.020, 0.173, 0.171, 0.112),
        (0.588, 0.095, 0.000, 0.000, 0.293, 0.024),
        (0.420, 0.129, 0.102, 0.034, 0.104, 0.211),
    ),
    "tiny_imagenet": (
        (0.184, 0.020, 0.033, 0.110, 0.202, 0.451),
        (0.180, 0.199, 0.027, 0.155, 0.213, 0.226),
        (0.180, 0.199, 0.027, 0.155, 0.213, 0.226),
        (0.391, 0.142, 0.040, 0.099, 0.137, 0.192),
        (0.241, 0.157, 0.134, 0.056, 0.096, 0.314),
    ),
}
_SMALLEST = 384
# Beyond this, textures exceed images by as many pixels, where smaller ones are twice as large.
_LARGE = 512


def make_textures(
    benchmark: str, image_shape: tuple[int, ...]
) -> Float[np.ndarray, "5 rows columns 3"]:
    """Five textures, the same ones at each call, in [0, 1].

    Args:
      benchmark: at whose scale; that of ImageNet-C, the photographs' own, is enlarged from that of
        Tiny ImageNet-C.
      image_shape: begins with height and width of the images. The textures are squares of twice
        the longer side, and at least 384; for images of more than 512 pixels they are 512 pixels
        higher and wider than the image.
    """
    if max(image_shape[:2]) > _LARGE:
        height, width = image_shape[:2]
        return _make_large(benchmark, (height + _LARGE, width + _LARGE))
    side = max(_SMALLEST, 2 * max(image_shape[:2]))
    return _make_small(benchmark, (side, side))


def _make(benchmark, shape):
    textures = np.empty((len(_COLOURS), *shape, 3), np.float32)
    if benchmark == "imagenet":
        small = tuple(size * 3 // 10 + 2 for size in shape)
        for at, texture in enumerate(_fields(_VARIANCES["tiny_imagenet"], small)):
            for axis in (0, 1):
                texture = _enlarged(texture, axis, shape[axis])
            textures[at] = texture
    else:
        for at, texture in enumerate(_fields(_VARIANCES[benchmark], shape)):
            textures[at] = texture
    textures.flags.writeable = False
    return textures


# A large texture takes seconds to make, and several times the memory of an image to keep.
_make_small = functools.lru_cache(maxsize=3)(_make)
_make_large = functools.lru_cache(maxsize=1)(_make)


def _enlarged(texture, axis, size):
    """To ten thirds of its size along an axis, by linear interpolation."""
    texture = np.moveaxis(texture, axis, 0)
    places = np.arange(size) * 3 / 10
    before, share = places.astype(int), (places % 1).astype(np.float32)[:, None, None]
    enlarged = texture[before] * (1 - share)
    enlarged += texture[before + 1] * share
    return np.moveaxis(enlarged, 0, axis)


def _fields(variances, shape):
    """One texture after the other."""
    generator = np.random.default_rng(0)
    rows, columns = shape
    frequencies = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.rfftfreq(columns) ** 2
    for colour, greys, of_texture in zip(_COLOURS, _GREYS, variances, strict=True):
        field = _smooth_noise(generator, frequencies, of_texture, shape)
        darkest = max(greys[0] - 2.4 * (greys[1] - greys[0]), 0)
        lightest = min(greys[-1] + 2.4 * (greys[-1] - greys[-2]), 255)
        knots = np.percentile(field, (0, *_PERCENTS, 100))
        grey = np.interp(field, knots, (darkest, *greys, lightest))
        del field
        mean = grey.mean()
        # A channel at a time: all three at once, in double precision, take much memory.
        yield np.stack(
            [np.clip(grey * of / mean / 255, 0, 1).astype(np.float32) for of in colour], axis=-1
        )


def _smooth_noise(generator, frequencies, variances, shape):
    """White noise whose spectrum is that of a sum of smoothed fields of the given variances."""
    power = np.zeros_like(frequencies)
    for sigma, variance in zip(_SIGMAS, variances, strict=True):
        spectrum = np.exp(-frequencies * (2 * np.pi * sigma) ** 2)
        # The sum over all frequencies, of which the real transform holds one half.
        total = 2 * spectrum.sum() - spectrum[:, [0, -1]].sum()
        power += variance * spectrum / total
    np.sqrt(power, out=power)
    coefficients = np.fft.rfft2(generator.normal(size=shape))
    coefficients *= power
    return np.fft.irfft2(coefficients, shape)


def _frost(key, image, constants):
    (image_weight, texture_weight), textures = constants
    count, rows, columns, _ = textures.shape
    height, width, _ = image.shape
    ends = jnp.array([count, max(rows - height, 1), max(columns - width, 1)], jnp.int32)
    which, top, left = jax.random.randint(key, (3,), 0, ends, jnp.int32)
    start = which, top, left, jnp.int32(0)
    part = jax.lax.dynamic_slice(textures, start, (1, height, width, 3))[0]
    # Clipping would turn an infinity into white.
    part = jnp.where(jnp.isfinite(part), part, jnp.nan)
    return image_weight * image + texture_weight * part


FROST = Corruption(
    name="frost",
    apply=_frost,
    # weights of the image and of the texture
    severities={
        "cifar10": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        "tiny_imagenet": ((1, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
        "imagenet": ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    needs_colour=True,
    is_extra=False,
    textures=make_textures,
)
