"""Warps and tables of values for packed images, with the results of Pillow.

A packed image is a row of integers, one for each pixel: red in the lowest eight bits, then green,
then blue. This makes one lookup of three.

References:
  Pillow, Geometry.c (`affine_transform` and `bilinear_filter32RGB`).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8, UInt32

Pixels = UInt32[Array, "samples pixels"]

_BYTES = 256
_SHIFTS = (0, 8, 16)


def pack(images: UInt8[Array, "samples height width 3"]) -> Pixels:
    """Packs images."""
    shifted = images.astype(jnp.uint32) << jnp.array(_SHIFTS, jnp.uint32)
    return jnp.sum(shifted, axis=-1, dtype=jnp.uint32).reshape(len(images), -1)


def unpack(images: UInt32[Array, "*samples pixels"]) -> UInt32[Array, "*samples pixels 3"]:
    """Returns the values of each pixel's channels."""
    return (images[..., None] >> jnp.array(_SHIFTS, jnp.uint32)) & 255


def warp(
    images: Pixels, coefficients: Float[Array, "samples 2 3"], size: tuple[int, int]
) -> Pixels:
    """Moves pixels: bilinear interpolation, truncated to integers, and black outside the image.

    Args:
      images: packed images.
      coefficients: see `AugMixOperation.displacement`.
      size: height and width of the images.
    """
    height, width = size
    numbers = jnp.arange(height * width, dtype=jnp.int32)
    column, row = numbers % width, numbers // width
    x, y = column.astype(jnp.float32) + 0.5, row.astype(jnp.float32) + 0.5
    right, down = (
        line[:, :1] * x + line[:, 1:2] * y + line[:, 2:]
        for line in jnp.moveaxis(coefficients, 1, 0)
    )
    inside = (x + right >= 0) & (x + right < width) & (y + down >= 0) & (y + down < height)
    whole_right, whole_down = jnp.floor(right), jnp.floor(down)
    left, top = column + whole_right.astype(jnp.int32), row + whole_down.astype(jnp.int32)
    columns = [jnp.clip(left + step, 0, width - 1) for step in (0, 1)]
    rows = [jnp.clip(top + step, 0, height - 1) for step in (0, 1)]
    corners = [[_lookup(images, row * width + column) for column in columns] for row in rows]
    warped = jnp.uint32(0)
    for shift in _SHIFTS:
        (a, b), (c, d) = (
            [_channel(corner, shift).astype(jnp.float32) for corner in line] for line in corners
        )
        upper = a + (b - a) * (right - whole_right)
        lower = c + (d - c) * (right - whole_right)
        value = upper + (lower - upper) * (down - whole_down)
        warped |= value.astype(jnp.uint32) << shift
    return jnp.where(inside, warped, 0)


def recode(images: Pixels, tables: Float[Array, "samples 3 256"]) -> Pixels:
    """Replaces each value of each channel by its entry in a table."""
    tables = tables.astype(jnp.uint32)
    recoded = jnp.uint32(0)
    for number, shift in enumerate(_SHIFTS):
        values = _channel(images, shift).astype(jnp.int32)
        recoded |= _lookup(tables[:, number], values) << shift
    return recoded


def cumulative_histograms(images: Pixels) -> Float[Array, "samples 3 256"]:
    """Returns the number of pixels up to each value, in each channel."""
    values = jnp.stack([_channel(images, shift).astype(jnp.int32) for shift in _SHIFTS], axis=1)
    rows = jnp.arange(3 * len(images), dtype=jnp.int32).reshape(-1, 3, 1)
    counts = jnp.zeros(rows.size * _BYTES, jnp.int32)
    counts = counts.at[(rows * _BYTES + values).reshape(-1)].add(1, mode="promise_in_bounds")
    # Sums by products of matrices, within 16 groups of values and over groups; exact up to 2^24.
    groups = counts.reshape(-1, 3, 16, 16).astype(jnp.float32)
    until = jnp.triu(jnp.ones((16, 16), jnp.float32))
    within = jnp.matmul(groups, until, precision="highest")
    totals = within[..., -1]
    before = jnp.matmul(totals, until, precision="highest") - totals
    return (within + before[..., None]).reshape(-1, 3, _BYTES)


def _channel(images, shift):
    return (images >> shift) & 255


def _lookup(rows, indices):
    """Returns element indices[i, j] of each row i; the indices are within bounds."""
    starts = rows.shape[1] * jnp.arange(len(rows), dtype=jnp.int32)[:, None]
    return rows.reshape(-1).at[starts + indices].get(mode="promise_in_bounds")
