"""Blur of every pixel alike."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import Corruption
from selectax.corruptions.operations.gaussian import gaussian_matrices, smooth
from selectax.corruptions.operations.zoom import zoom, zoom_positions


def _gaussian_blur(_, image, matrices):
    return smooth(matrices, image)


def _disk(radius: float, alias_blur: float) -> np.ndarray:
    """A disk, its edge smoothed by a small Gaussian as OpenCV has it."""
    reach = max(8, math.ceil(radius))
    offsets = np.arange(-reach, reach + 1)
    disk = (offsets**2 + offsets[:, None] ** 2 <= radius**2).astype(float)
    disk /= disk.sum()
    alias_reach = 1 if radius <= 8 else 2
    smoothing = np.exp(-(np.arange(-alias_reach, alias_reach + 1) ** 2) / (2 * alias_blur**2))
    smoothing /= smoothing.sum()
    for axis in (0, 1):
        pad = [(alias_reach, alias_reach) if axis == across else (0, 0) for across in (0, 1)]
        disk = np.apply_along_axis(
            np.convolve, axis, np.pad(disk, pad, mode="reflect"), smoothing, "valid"
        )
    return disk


def _disks(severities, _):
    disks = [_disk(*parameters) for parameters in severities]
    # No wider than the largest needs.
    reach = max(math.floor(radius) + (1 if radius <= 8 else 2) for radius, _ in severities)
    same_size = []
    for disk in disks:
        excess = len(disk) // 2 - reach
        wider = np.pad(disk, max(-excess, 0))
        cut = slice(max(excess, 0), len(wider) - max(excess, 0))
        same_size.append(wider[cut, cut])
    return np.stack(same_size).astype(np.float32)


def _defocus_blur(_, image, disk):
    reach = len(disk) // 2
    padded = jnp.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    height, width, _ = image.shape

    def add_row(row, blurred):
        shifted = jax.lax.dynamic_slice_in_dim(padded, row, height)
        return blurred + sum(
            disk[row, column] * shifted[:, column : column + width] for column in range(len(disk))
        )

    # Sums of shifted images: on the CPU a convolution by XLA takes ten times as long.
    return jax.lax.fori_loop(0, len(disk), add_row, jnp.zeros_like(image))


def _zoom_factors(greatest: float, step: float) -> np.ndarray:
    # With the rounding of this function, on which the size of a zoom by 1.25 depends.
    return np.arange(1, greatest + step / 2, step)


def _zooms(severities, image_shape):
    """Positions of every zoom in each axis, and the weights of the zooms; zero for unused ones."""
    factors = [_zoom_factors(*parameters) for parameters in severities]
    most = max(len(of_severity) for of_severity in factors)
    padded = [np.pad(one, (0, most - len(one)), constant_values=1) for one in factors]
    weights = [(np.arange(most) < len(one)) / (len(one) + 1) for one in factors]
    axes = []
    for size in image_shape[:2]:
        positions = [[zoom_positions(factor, size) for factor in one] for one in padded]
        before, share = zip(*(zip(*one, strict=True) for one in positions), strict=True)
        axes.append((np.array(before), np.array(share)))
    return np.array(weights, np.float32), *axes


def _zoom_blur(_, image, constants):
    weights, rows, columns = constants
    blurred = (1 - jnp.sum(weights)) * image
    for turn in range(len(weights)):
        positions = ((before[turn], share[turn]) for before, share in (rows, columns))
        blurred += weights[turn] * zoom(image, *positions)
    return blurred


gaussian_blur = Corruption(_gaussian_blur, gaussian_matrices)
defocus_blur = Corruption(_defocus_blur, _disks)
zoom_blur = Corruption(_zoom_blur, _zooms)
