"""Linear maps of rows and columns by matrices, and interpolation between pixels."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from selectax.corruptions.operations.fusion import computed_once


def along_rows(
    matrix: Float[Array, "new height"], image: Float[Array, "height width channels"]
) -> Float[Array, "new width channels"]:
    """Multiplies the rows of an image by a matrix."""
    return jnp.einsum("nh,hwc->nwc", matrix, image, precision=jax.lax.Precision.HIGHEST)


def along_columns(
    matrix: Float[Array, "new width"], image: Float[Array, "height width channels"]
) -> Float[Array, "height new channels"]:
    """Multiplies the columns of an image by a matrix."""
    return jnp.einsum("nw,hwc->hnc", matrix, image, precision=jax.lax.Precision.HIGHEST)


def mirrored(index: Int[Array, "*shape"], size: int) -> Int[Array, "*shape"]:
    """Maps indices beyond the border to an image mirrored without repeating its border pixel."""
    index = index % (2 * size - 2)
    return jnp.minimum(index, 2 * size - 2 - index)


def mirrored_with_border(index: Int[Array, "*shape"], size: int) -> Int[Array, "*shape"]:
    """Maps indices beyond the border to an image mirrored with its border pixel repeated."""
    index = index % (2 * size)
    return jnp.minimum(index, 2 * size - 1 - index)


def interpolate(
    image: Float[Array, "height width channels"],
    rows: Float[Array, "new_height new_width"],
    columns: Float[Array, "new_height new_width"],
    border,
) -> Float[Array, "new_height new_width channels"]:
    """Interpolates linearly between the four pixels around each position.

    Args:
      image: image to read.
      rows: rows of the positions.
      columns: columns of the positions.
      border: function of indices and size that returns the indices to read instead.
    """
    height, width, channels = image.shape
    pixels = computed_once(image.reshape(-1, channels))
    top, left = jnp.floor(rows), jnp.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]

    def pixel(row_step, column_step):
        row = border(top.astype(jnp.int32) + row_step, height)
        return pixels[row * width + border(left.astype(jnp.int32) + column_step, width)]

    upper = pixel(0, 0) * (1 - right) + pixel(0, 1) * right
    lower = pixel(1, 0) * (1 - right) + pixel(1, 1) * right
    return upper * (1 - down) + lower * down
