"""Digital corruptions."""

import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import Corruption
from selectax.corruptions.operations.eight_bits import rounded
from selectax.corruptions.operations.resampling import along_columns, along_rows


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


def _box_matrix(size: int, new_size: int) -> np.ndarray:
    """Weights of a line's pixels in each pixel of the resized line, as Pillow's box filter."""
    # Pillow's own order of operations: pixels on the edge of a window go where rounding puts them.
    scale = size / new_size
    reach = max(scale, 1)
    pixels = np.arange(size)
    centres = (np.arange(new_size)[:, None] + 0.5) * scale
    distances = (pixels - centres + 0.5) * (1 / reach)
    inside = (distances > -0.5) & (distances <= 0.5)
    inside &= pixels >= np.trunc(centres - 0.5 * reach + 0.5)
    inside &= pixels < np.trunc(centres + 0.5 * reach + 0.5)
    return (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)


def _down_and_up(shares, image_shape):
    """Matrices that shrink and enlarge each axis; unused rows and columns are zero."""
    down_and_up = []
    for size in image_shape[:2]:
        small = [max(int(size * share), 1) for share in shares]
        down = np.zeros((len(shares), max(small), size), np.float32)
        up = np.zeros((len(shares), size, max(small)), np.float32)
        for at, new_size in enumerate(small):
            down[at, :new_size] = _box_matrix(size, new_size)
            up[at, :, :new_size] = _box_matrix(new_size, size)
        down_and_up += [down, up]
    return tuple(down_and_up)


def _pixelate(_, image, matrices):
    down_rows, up_rows, down_columns, up_columns = matrices

    # Pillow goes along the rows' pixels first, and keeps bytes in between.
    image = rounded(image)
    for resize, matrix in (
        (along_columns, down_columns),
        (along_rows, down_rows),
        (along_columns, up_columns),
        (along_rows, up_rows),
    ):
        image = jnp.floor(resize(matrix, image) + 0.5)
    return image / 255


contrast = Corruption(_contrast)
saturate = Corruption(_saturate, in_colour=True)
pixelate = Corruption(_pixelate, _down_and_up)
