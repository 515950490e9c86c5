"""Gaussian smoothing along each axis of an image.

An axis is smoothed by a matrix. A long axis with a short kernel is smoothed by the kernel itself,
because the matrix would be almost empty and larger than the image.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.corruptions.operations.fusion import computed_once
from selectax.corruptions.operations.resampling import along_columns, along_rows

# Axes up to this length are always smoothed by a matrix.
_LONG = 512
# Number of rows made at a time of a matrix that is too large to keep.
_ROWS_AT_A_TIME = 256


def gaussian_matrices(
    sigmas: Sequence[float],
    image_shape: tuple[int, ...],
    *,
    truncate: float = 4,
    border: Literal["repeat", "reflect"] = "repeat",
) -> tuple[Float[np.ndarray, "sigmas ..."], Float[np.ndarray, "sigmas ..."]]:
    """Returns the weights of a line's pixels in each smoothed pixel, for rows and columns.

    For an axis of up to 512 pixels these are matrices, "sigmas size size". For a longer one, they
    are the weights of the kernel, "sigmas taps", where the border pixel repeats and the kernel is
    shorter than a quarter of the axis; and where the image is mirrored, the sums of the kernel's
    weights at each distance in the mirrored line, which has a period: "sigmas 2*size".

    Args:
      sigmas: standard deviations in pixels; 0 leaves the image unchanged.
      image_shape: starts with height and width.
      truncate: where the kernel is cut off, in standard deviations.
      border: repeat the border pixel, or reflect the image with its border pixel.
    """
    height, width = image_shape[:2]
    rows, columns = (_weights(size, sigmas, truncate, border) for size in (height, width))
    return rows, columns


def smooth(
    matrices: tuple[Float[Array, "..."], Float[Array, "..."]],
    image: Float[Array, "height width channels"],
) -> Float[Array, "height width channels"]:
    """Smooths an image by the matrices, or kernels, of one standard deviation."""
    for axis, weights in enumerate(matrices):
        if weights.ndim == 2:
            image = (along_rows, along_columns)[axis](weights, image)
        elif len(weights) == 2 * image.shape[axis]:
            image = _smooth_mirrored(weights, image, axis)
        else:
            image = _convolve(weights, image, axis)
    return image


def _weights(size, sigmas, truncate, border):
    """Returns the weights of one axis, as `gaussian_matrices` describes them."""
    if size > _LONG and border == "reflect":
        return np.stack([_periodic(size, sigma, truncate) for sigma in sigmas])
    if _by_kernel(size, max(sigmas), truncate, border):
        return _kernels(sigmas, truncate)
    return np.stack([_matrix(size, sigma, truncate, border) for sigma in sigmas])


def _periodic(size, sigma, truncate):
    """Sums the kernel's weights at each distance in a line with a period of twice the size."""
    sums = np.zeros(2 * size)
    if sigma == 0:
        sums[0] = 1
    else:
        radius = _radius(sigma, truncate)
        np.add.at(sums, np.arange(-radius, radius + 1) % (2 * size), _kernel(sigma, truncate))
    return sums.astype(np.float32)


def _smooth_mirrored(sums, image, axis):
    """Smooths by a matrix, making a few of its rows at a time."""
    size = image.shape[axis]
    pixels = jnp.arange(size, dtype=jnp.int32)
    along = (along_rows, along_columns)[axis]

    def of_rows(start):
        rows = start + jnp.arange(_ROWS_AT_A_TIME, dtype=jnp.int32)[:, None]
        # Weight of each pixel, plus that of its mirror image.
        matrix = sums[(pixels - rows) % (2 * size)] + sums[(-1 - pixels - rows) % (2 * size)]
        return along(matrix, image)

    parts = jax.lax.map(of_rows, jnp.arange(0, size, _ROWS_AT_A_TIME, dtype=jnp.int32))
    smoothed = jnp.concatenate(list(parts), axis=axis)
    return jax.lax.slice_in_dim(smoothed, 0, size, axis=axis)


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
    """Returns the kernels of all standard deviations, padded with zeros to the longest."""
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
