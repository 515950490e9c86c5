"""Gaussian smoothing along each axis of an image.

An axis is smoothed by a matrix. A long axis is smoothed by the kernel itself if that is short, for
the matrix would be almost empty and larger than the image.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.corruptions.operations.fusion import computed_once
from selectax.corruptions.operations.resampling import along_columns, along_rows

# Shorter axes are always smoothed by a matrix.
_LONG = 512


def gaussian_matrices(
    sigmas: Sequence[float],
    image_shape: tuple[int, ...],
    *,
    truncate: float = 4,
    border: Literal["repeat", "reflect"] = "repeat",
) -> tuple[Float[np.ndarray, "sigmas ..."], Float[np.ndarray, "sigmas ..."]]:
    """Weights of the pixels of a line in each pixel of the smoothed line, for rows and columns.

    For an axis of more than 512 pixels, and a kernel of less than a quarter of it, these are the
    weights of the kernel, "sigmas taps"; otherwise they are matrices, "sigmas size size". A kernel
    implies that the border pixel repeats.

    Args:
      sigmas: deviations in pixels; 0 leaves the image as it is.
      image_shape: begins with height and width.
      truncate: where the kernel is cut, in deviations.
      border: whether the border pixel repeats, or the image is mirrored with it.
    """
    height, width = image_shape[:2]
    rows, columns = (
        _kernels(sigmas, truncate)
        if _by_kernel(size, max(sigmas), truncate, border)
        else np.stack([_matrix(size, sigma, truncate, border) for sigma in sigmas])
        for size in (height, width)
    )
    return rows, columns


def smooth(
    matrices: tuple[Float[Array, "..."], Float[Array, "..."]],
    image: Float[Array, "height width channels"],
) -> Float[Array, "height width channels"]:
    """Smooths by the matrices, or kernels, of one deviation."""
    over_rows, over_columns = matrices
    by_kernel = over_rows.ndim == 1
    image = _convolve(over_rows, image, 0) if by_kernel else along_rows(over_rows, image)
    by_kernel = over_columns.ndim == 1
    return _convolve(over_columns, image, 1) if by_kernel else along_columns(over_columns, image)


def _convolve(kernel, image, axis):
    reach = len(kernel) // 2
    margins = [(reach, reach) if axis == along else (0, 0) for along in range(3)]
    padded = computed_once(jnp.pad(image, margins, mode="edge"))
    size = image.shape[axis]
    return sum(
        kernel[tap] * jax.lax.slice_in_dim(padded, tap, tap + size, axis=axis)
        for tap in range(len(kernel))
    )


def _by_kernel(size, sigma, truncate, border):
    return border == "repeat" and size > _LONG and 8 * _radius(sigma, truncate) < size


def _radius(sigma, truncate):
    return int(truncate * sigma + 0.5)


def _kernel(sigma, truncate):
    radius = _radius(sigma, truncate)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def _kernels(sigmas, truncate):
    """The kernels of all deviations, with zeros around all but the longest."""
    longest = _radius(max(sigmas), truncate)
    kernels = (np.ones(1) if sigma == 0 else _kernel(sigma, truncate) for sigma in sigmas)
    return np.stack([np.pad(kernel, longest - len(kernel) // 2) for kernel in kernels]).astype(
        np.float32
    )


def _matrix(size: int, sigma: float, truncate: float, border: str) -> np.ndarray:
    if sigma == 0:
        return np.eye(size, dtype=np.float32)
    kernel, radius = _kernel(sigma, truncate), _radius(sigma, truncate)
    rows = np.arange(size)[:, None]
    sources = rows + np.arange(-radius, radius + 1)
    if border == "repeat":
        sources = np.clip(sources, 0, size - 1)
    else:
        sources = sources % (2 * size)
        sources = np.minimum(sources, 2 * size - 1 - sources)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (rows, sources), kernel)
    return matrix.astype(np.float32)
