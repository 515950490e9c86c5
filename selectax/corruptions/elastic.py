"""Elastic transform: a random affine map, and then a random smooth displacement."""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.gaussian import gaussian_matrices, smooth
from selectax.corruptions.operations.resampling import interpolate, mirrored, mirrored_with_border


def _affine_sources(key, shape, shift):
    """Where each pixel comes from when three points of the image's centre are moved."""
    height, width = shape
    half = min(shape) // 3
    centre = jnp.array([height // 2, width // 2], jnp.float32)
    corners = centre + half * jnp.array([[1, 1], [-1, 1], [-1, -1]], jnp.float32)
    moved = corners + shift * jax.random.uniform(key, (3, 2), jnp.float32, -1, 1)
    # What the map makes of a step down and of a step to the right.
    (down_row, down_column), (right_row, right_column) = (
        (moved[0] - moved[1]) / (2 * half),
        (moved[1] - moved[2]) / (2 * half),
    )
    area = down_row * right_column - down_column * right_row
    area = jnp.where(area == 0, 1, area)
    rows = jnp.arange(height, dtype=jnp.int32)[:, None] - moved[1, 0]
    columns = jnp.arange(width, dtype=jnp.int32) - moved[1, 1]
    return (
        (rows * right_column - columns * right_row) / area + corners[1, 0],
        (columns * down_row - rows * down_column) / area + corners[1, 1],
    )


def _elastic_transform(key, image, constants):
    (amplitude, shift), matrices = constants
    affine_key, field_key = jax.random.split(key)
    height, width, _ = image.shape
    rows, columns = _affine_sources(affine_key, (height, width), shift)
    image = interpolate(image, rows, columns, mirrored)
    noise = jax.random.uniform(field_key, (height, width, 2), image.dtype, -1, 1)
    field = amplitude * smooth(matrices, noise)
    rows, columns = jnp.indices((height, width), jnp.int32)
    return interpolate(image, rows + field[..., 0], columns + field[..., 1], mirrored_with_border)


def _constants(severities, image_shape):
    size = min(image_shape[:2])
    amplitudes, sigmas, shifts = size * np.array(severities).T
    matrices = gaussian_matrices(sigmas, image_shape, truncate=3, border="reflect")
    return np.stack([amplitudes, shifts], 1).astype(np.float32), matrices


ELASTIC_TRANSFORM = Corruption(
    name="elastic_transform",
    apply=_elastic_transform,
    constants=_constants,
    # amplitude of the displacement, deviation of its blur, shift of the affine map's points; all as
    # shares of the image's shorter side
    severities={
        "cifar10": (
            (0, 0, 0.08),
            (0.05, 0.2, 0.07),
            (0.08, 0.06, 0.06),
            (0.1, 0.04, 0.05),
            (0.1, 0.03, 0.03),
        ),
        "tiny_imagenet": (
            (0, 0, 0.08),
            (0.05, 0.3, 0.06),
            (0.1, 0.08, 0.06),
            (0.1, 0.03, 0.03),
            (0.16, 0.03, 0.02),
        ),
        # The original's shares are of 244 pixels, and its images have 224.
        "imagenet": tuple(
            tuple(share * 244 / 224 for share in severity)
            for severity in (
                (2, 0.7, 0.1),
                (2, 0.08, 0.2),
                (0.05, 0.01, 0.02),
                (0.07, 0.01, 0.02),
                (0.12, 0.01, 0.02),
            )
        ),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    keeps_flat_images=True,
    is_extra=False,
)
