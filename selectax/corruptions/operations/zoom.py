"""Zooming into the centre of an image by linear interpolation; the size stays the same."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from selectax.corruptions.corruption import Image


def zoom_positions(
    factor: float, size: int
) -> tuple[Int[np.ndarray, "size"], Float[np.ndarray, "size"]]:
    """Returns the pixel before each zoomed pixel of a line, and the weight of the next one."""
    crop = math.ceil(size / factor)
    # Products such as 29 * 1.05, just above a half in floats, are rounded like the original's.
    enlarged = max(round(crop * factor), size)
    trim = (enlarged - size) // 2
    places = (np.arange(size) + trim) * ((crop - 1) / max(enlarged - 1, 1))
    before = np.clip(np.floor(places), 0, max(crop - 2, 0)).astype(np.int32)
    share = (places - before).astype(np.float32)
    return before + (size - crop) // 2, share


def zoom(
    image: Image,
    rows: tuple[Int[Array, "height"], Float[Array, "height"]],
    columns: tuple[Int[Array, "width"], Float[Array, "width"]],
) -> Image:
    """Interpolates the image at the given positions along each axis."""
    last_row, last_column = image.shape[0] - 1, image.shape[1] - 1
    (row, down), (column, right) = rows, columns
    down, right = down[:, None, None], right[None, :, None]
    image = image[row] * (1 - down) + image[jnp.minimum(row + 1, last_row)] * down
    next_column = jnp.minimum(column + 1, last_column)
    return image[:, column] * (1 - right) + image[:, next_column] * right
