"""Digital corruptions."""

import math

import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.eight_bits import rounded
from selectax.corruptions.operations.fusion import computed_once
from selectax.corruptions.operations.resampling import along_columns, along_rows

# Shorter axes are resized by matrices.
_LONG = 512


def _contrast(_, image, factor):
    mean = jnp.mean(image, axis=(0, 1))
    return (image - mean) * factor + mean


def _saturate(_, image, parameters):
    factor, addend = parameters
    # At constant hue and HSV value a channel's distance from the value, which is the maximum, is
    # proportional to the saturation. Grey has the hue of red.
    value = jnp.max(image, axis=-1, keepdims=True)
    distance = value - image
    chroma = jnp.max(distance, axis=-1, keepdims=True)
    saturation = chroma / jnp.where(value == 0, 1, value)
    saturated = jnp.clip(factor * saturation + addend, 0, 1)
    grey = chroma == 0
    red = jnp.array([0, 1, 1], image.dtype)
    share = jnp.where(grey, red, distance / jnp.where(grey, 1, chroma))
    return value * (1 - saturated * share)


def _box_taps(size: int, new_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a line are in each pixel of the resized line, as Pillow's box filter has it.

    Returns:
      Pixels, and whether they are in it; both of shape (new_size, taps).
    """
    # Pillow's own order of operations: pixels on the edge of a window go where rounding puts them.
    scale = size / new_size
    reach = max(scale, 1)
    centres = (np.arange(new_size)[:, None] + 0.5) * scale
    first = np.floor(centres - 0.5 * reach).astype(np.int32) - 1
    pixels = first + np.arange(math.ceil(reach) + 3, dtype=np.int32)
    distances = (pixels - centres + 0.5) * (1 / reach)
    inside = (distances > -0.5) & (distances <= 0.5)
    inside &= pixels >= np.trunc(centres - 0.5 * reach + 0.5)
    inside &= pixels < np.trunc(centres + 0.5 * reach + 0.5)
    inside &= (pixels >= 0) & (pixels < size)
    # Those inside first, so that the others can be left out.
    order = np.argsort(~inside, axis=1, kind="stable")
    pixels, inside = (np.take_along_axis(each, order, axis=1) for each in (pixels, inside))
    taps = inside.sum(axis=1).max()
    return np.clip(pixels, 0, size - 1)[:, :taps], inside[:, :taps]


def _box_tables(size, new_sizes, from_sizes):
    """For each severity the linear map of a line of one size to a line of another.

    Returns:
      Matrices, whose unused rows and columns are zero; or, for long lines, where a matrix would be
      almost empty and larger than the image, the pixels that are mixed and their weights.
    """
    longest = max(new_sizes), max(from_sizes)
    taps = [_box_taps(*sizes) for sizes in zip(from_sizes, new_sizes, strict=True)]
    weights = [(inside / inside.sum(axis=1, keepdims=True)) for _, inside in taps]
    if size <= _LONG:
        matrices = np.zeros((len(taps), *longest), np.float32)
        for matrix, (pixels, inside), of_taps in zip(matrices, taps, weights, strict=True):
            rows, at = np.nonzero(inside)
            matrix[rows, pixels[rows, at]] = of_taps[rows, at]
        return matrices
    most = max(inside.shape[1] for _, inside in taps)
    which = np.zeros((len(taps), longest[0], most), np.int32)
    shares = np.zeros((len(taps), longest[0], most), np.float32)
    for severity, ((pixels, _), of_taps) in enumerate(zip(taps, weights, strict=True)):
        which[severity, : pixels.shape[0], : pixels.shape[1]] = pixels
        shares[severity, : pixels.shape[0], : pixels.shape[1]] = of_taps
    return which, shares


def _down_and_up(shares, image_shape):
    """What shrinks and what enlarges each axis, of `_box_tables`."""
    down_and_up = []
    for size in image_shape[:2]:
        small, whole = [max(int(size * share), 1) for share in shares], [size] * len(shares)
        down_and_up += [_box_tables(size, small, whole), _box_tables(size, whole, small)]
    return tuple(down_and_up)


def _resize(table, image, axis):
    """Along one axis of an image, by a table of `_box_tables`."""
    if not isinstance(table, tuple):
        return (along_rows, along_columns)[axis](table, image)
    pixels, shares = table
    lines = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    return sum(
        shares[:, tap].reshape(lines) * jnp.take(image, pixels[:, tap], axis=axis)
        for tap in range(pixels.shape[1])
    )


def _pixelate(_, image, tables):
    down_rows, up_rows, down_columns, up_columns = tables

    # Pillow goes along the rows' pixels first, and keeps bytes in between.
    image = rounded(image)
    for axis, table in ((1, down_columns), (0, down_rows), (1, up_columns), (0, up_rows)):
        image = computed_once(jnp.floor(_resize(table, image, axis) + 0.5))
    return image / 255


CONTRAST = Corruption(
    name="contrast",
    apply=_contrast,
    # factor of the deviation from the mean
    severities={
        "cifar10": (0.75, 0.5, 0.4, 0.3, 0.15),
        "tiny_imagenet": (0.4, 0.3, 0.2, 0.1, 0.05),
        "imagenet": (0.4, 0.3, 0.2, 0.1, 0.05),
    },
    source=BENCHMARK_SOURCE,
    keeps_flat_images=True,
    is_extra=False,
)

SATURATE = Corruption(
    name="saturate",
    apply=_saturate,
    # factor of the HSV saturation, and what is added to it
    severities={
        "cifar10": ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        "tiny_imagenet": ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),
        "imagenet": ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    },
    source=BENCHMARK_SOURCE,
    needs_colour=True,
    is_extra=True,
)

PIXELATE = Corruption(
    name="pixelate",
    apply=_pixelate,
    constants=_down_and_up,
    # share of the side that is left
    severities={
        "cifar10": (0.95, 0.9, 0.85, 0.75, 0.65),
        "tiny_imagenet": (0.9, 0.8, 0.7, 0.6, 0.5),
        "imagenet": (0.6, 0.5, 0.4, 0.3, 0.25),
    },
    source=BENCHMARK_SOURCE,
    keeps_flat_images=True,
    is_extra=False,
)
