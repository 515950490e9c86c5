"""Spatter of water or mud."""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.eight_bits import truncated
from selectax.corruptions.operations.fusion import computed_once
from selectax.corruptions.operations.gaussian import gaussian_matrices, smooth
from selectax.corruptions.operations.outline import distance_to, outline

_WATER = (175 / 255, 238 / 255, 238 / 255)
_MUD = (63 / 255, 42 / 255, 20 / 255)
_FARTHEST = 20
_SHARPENING = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))


def _correlate(plane, kernel):
    """Correlation with a kernel of three by three; the border is mirrored without its pixel."""
    height, width = plane.shape
    padded = computed_once(jnp.pad(plane, 1, mode="reflect"))
    return sum(
        weight * padded[row : row + height, column : column + width]
        for row, weights in enumerate(kernel)
        for column, weight in enumerate(weights)
    )


def _mean_of_nine(plane):
    return _correlate(plane, ((1, 1, 1),) * 3) / 9


def _equalise(plane):
    """Spreads whole numbers from 0 to _FARTHEST over 0 to 255, each number about equally often."""
    least = jnp.min(plane)
    of_least = jnp.sum(plane == least, dtype=jnp.int32)
    rest = plane.size - of_least
    spread = jnp.full_like(plane, least)
    for value in range(_FARTHEST + 1):
        of_others = jnp.sum(plane <= value, dtype=jnp.int32) - of_least
        level = jnp.round(of_others * (255 / jnp.maximum(rest, 1).astype(plane.dtype)))
        spread = jnp.where((plane == value) & (rest > 0), level, spread)
    return spread


def _water(image, layer, threshold, last, _):
    layer = truncated(jnp.where(layer < threshold, 0, layer)) % 256
    distance = jnp.minimum(distance_to(outline(layer, 50, 150), _FARTHEST), _FARTHEST)
    # A trifle more: the mean of nine times 20 is to stay 20.
    spread = _equalise(jnp.floor(_mean_of_nine(distance) + 1e-4))
    relief = jnp.round(_mean_of_nine(jnp.clip(_correlate(spread, _SHARPENING), 0, 255)))
    drops = layer * relief
    most = jnp.max(drops)
    drops = last * drops / jnp.where(most > 0, most, 1)
    return image + drops[..., None] * jnp.array(_WATER, image.dtype)


def _mud(image, layer, threshold, _, matrices):
    mask = (layer > threshold).astype(image.dtype)
    cover = smooth(matrices, mask[..., None])
    cover = jnp.where(cover < 0.8, 0, cover)
    return image * (1 - cover) + cover * jnp.array(_MUD, image.dtype)


def _spatter(key, image, constants):
    (mean, deviation, threshold, last, kind), layer_matrices, cover_matrices = constants
    height, width, _ = image.shape
    layer = mean + deviation * jax.random.normal(key, (height, width, 1), image.dtype)
    layer = smooth(layer_matrices, layer)[..., 0]
    return jax.lax.cond(kind == 0, _water, _mud, image, layer, threshold, last, cover_matrices)


def _constants(severities, image_shape):
    means, deviations, sigmas, thresholds, lasts, kinds = zip(*severities, strict=True)
    scalars = np.array([means, deviations, thresholds, lasts, kinds], np.float32).T
    return (
        scalars,
        gaussian_matrices(sigmas, image_shape),
        gaussian_matrices(lasts, image_shape),
    )


SPATTER = Corruption(
    name="spatter",
    apply=_spatter,
    constants=_constants,
    # mean, deviation and blur of the layer, its threshold, strength of the water or blur of the
    # mud, and which of the two: 0 or 1
    severities={
        "cifar10": (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
        "tiny_imagenet": (
            (0.62, 0.1, 0.7, 0.7, 0.6, 0),
            (0.65, 0.1, 0.8, 0.7, 0.6, 0),
            (0.65, 0.3, 1, 0.69, 0.6, 0),
            (0.65, 0.1, 0.7, 0.68, 0.6, 1),
            (0.65, 0.1, 0.5, 0.67, 0.6, 1),
        ),
        "imagenet": (
            (0.65, 0.3, 4, 0.69, 0.6, 0),
            (0.65, 0.3, 3, 0.68, 0.6, 0),
            (0.65, 0.3, 2, 0.68, 0.5, 0),
            (0.65, 0.3, 1, 0.65, 1.5, 1),
            (0.67, 0.4, 1, 0.65, 1.5, 1),
        ),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    needs_colour=True,
    is_extra=True,
)
