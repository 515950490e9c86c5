"""Blur."""

import numpy as np

from selectax.corruptions.corruption import Corruption
from selectax.corruptions.resampling import along_columns, along_rows


def _gaussian_matrix(size: int, sigma: float) -> np.ndarray:
    """Weights of the pixels of a line in each pixel of the blurred line; the border repeats."""
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    matrix = np.zeros((size, size))
    rows = np.arange(size)[:, None]
    np.add.at(matrix, (rows, np.clip(rows + offsets, 0, size - 1)), kernel / kernel.sum())
    return matrix.astype(np.float32)


def _gaussian_matrices(sigmas, image_shape):
    height, width, _ = image_shape
    return tuple(
        np.stack([_gaussian_matrix(size, sigma) for sigma in sigmas]) for size in (height, width)
    )


def _gaussian_blur(_, image, matrices):
    over_rows, over_columns = matrices
    return along_columns(over_columns, along_rows(over_rows, image))


gaussian_blur = Corruption(_gaussian_blur, _gaussian_matrices)
