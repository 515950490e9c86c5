"""Gaussian smoothing, as a matrix for each axis of an image."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Array, Float

from selectax.corruptions.resampling import along_columns, along_rows


def gaussian_matrices(
    sigmas: Sequence[float],
    image_shape: tuple[int, ...],
    *,
    truncate: float = 4,
    border: Literal["repeat", "reflect"] = "repeat",
) -> tuple[Float[np.ndarray, "sigmas height height"], Float[np.ndarray, "sigmas width width"]]:
    """Weights of the pixels of a line in each pixel of the smoothed line, for rows and columns.

    Args:
      sigmas: deviations in pixels; 0 leaves the image as it is.
      image_shape: begins with height and width.
      truncate: where the kernel is cut, in deviations.
      border: whether the border pixel repeats, or the image is mirrored with it.
    """
    height, width = image_shape[:2]
    rows, columns = (
        np.stack([_matrix(size, sigma, truncate, border) for sigma in sigmas])
        for size in (height, width)
    )
    return rows, columns


def smooth(
    matrices: tuple[Float[Array, "height height"], Float[Array, "width width"]],
    image: Float[Array, "height width channels"],
) -> Float[Array, "height width channels"]:
    """Smooths by the matrices of one deviation."""
    over_rows, over_columns = matrices
    return along_columns(over_columns, along_rows(over_rows, image))


def _matrix(size: int, sigma: float, truncate: float, border: str) -> np.ndarray:
    if sigma == 0:
        return np.eye(size, dtype=np.float32)
    radius = int(truncate * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    rows = np.arange(size)[:, None]
    sources = rows + offsets
    if border == "repeat":
        sources = np.clip(sources, 0, size - 1)
    else:
        sources = sources % (2 * size)
        sources = np.minimum(sources, 2 * size - 1 - sources)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (rows, sources), kernel / kernel.sum())
    return matrix.astype(np.float32)
