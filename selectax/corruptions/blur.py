"""Blur of every pixel alike."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.gaussian import gaussian_matrices, smooth
from selectax.corruptions.operations.motion import blur_along, motion_weights
from selectax.corruptions.operations.zoom import zoom, zoom_positions

_SMALL_ZOOMS = ((1.06, 0.01), (1.11, 0.01), (1.15, 0.01), (1.2, 0.01), (1.25, 0.01))


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


def _motion_constants(severities, _):
    return motion_weights(*zip(*severities, strict=True))


def _motion_blur(key, image, weights):
    angle = jax.random.uniform(key, (), image.dtype, -math.pi / 4, math.pi / 4)
    return blur_along(image, weights, angle)


GAUSSIAN_BLUR = Corruption(
    name="gaussian_blur",
    apply=_gaussian_blur,
    constants=gaussian_matrices,
    # deviation of the kernel, in pixels
    severities={
        "cifar10": (0.4, 0.6, 0.7, 0.8, 1.0),
        "tiny_imagenet": (0.5, 0.75, 1.0, 1.25, 1.5),
        "imagenet": (1.0, 2.0, 3.0, 4.0, 6.0),
    },
    source=BENCHMARK_SOURCE,
    keeps_flat_images=True,
    is_extra=True,
)

DEFOCUS_BLUR = Corruption(
    name="defocus_blur",
    apply=_defocus_blur,
    constants=_disks,
    # radius of the disk, deviation of the blur of its edge
    severities={
        "cifar10": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        "tiny_imagenet": ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
        "imagenet": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    },
    source=BENCHMARK_SOURCE,
    keeps_flat_images=True,
    is_extra=False,
)

MOTION_BLUR = Corruption(
    name="motion_blur",
    apply=_motion_blur,
    constants=_motion_constants,
    # half the reach, deviation
    severities={
        "cifar10": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        "tiny_imagenet": ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
        "imagenet": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    keeps_flat_images=True,
    is_extra=False,
)

ZOOM_BLUR = Corruption(
    name="zoom_blur",
    apply=_zoom_blur,
    constants=_zooms,
    # greatest factor, step between factors
    severities={
        "cifar10": _SMALL_ZOOMS,
        "tiny_imagenet": _SMALL_ZOOMS,
        "imagenet": ((1.11, 0.01), (1.15, 0.01), (1.2, 0.02), (1.24, 0.02), (1.3, 0.03)),
    },
    source=BENCHMARK_SOURCE,
    keeps_flat_images=True,
    is_extra=False,
)
