"""Motion blur, as ImageMagick does it: on one side only, each pixel from whole pixels."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.corruptions.corruption import Image
from selectax.corruptions.operations.fusion import computed_once


def motion_weights(
    radii: Sequence[int], sigmas: Sequence[float]
) -> Float[np.ndarray, "kernels taps"]:
    """Weights of the pixels on the way, from the pixel itself on; zero beyond a kernel's reach."""
    steps = np.arange(2 * max(radii) + 1)
    weights = np.exp(-(steps**2) / (2 * np.square(sigmas, dtype=float)[:, None]))
    weights *= steps <= 2 * np.asarray(radii)[:, None]
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def blur_along(image: Image, weights: Float[Array, "taps"], angle: Float[Array, ""]) -> Image:
    """The weighted mean of the pixels on the way from each pixel.

    Args:
      image: in [0, 1]; beyond its border the border pixel repeats.
      weights: of the pixels on the way.
      angle: of the way, in radians, from the direction of the columns to that of the rows.
    """
    reach = len(weights) - 1
    margins = ((reach, reach), (reach, reach), (0, 0))
    padded = computed_once(jnp.pad(image, margins, mode="edge"))
    steps = jnp.arange(len(weights), dtype=jnp.int32)
    rows, columns = (
        reach + jnp.ceil(steps * way - 0.5).astype(jnp.int32)
        for way in (jnp.sin(angle), jnp.cos(angle))
    )
    blurred = jnp.zeros_like(image)
    for tap in range(len(weights)):
        start = rows[tap], columns[tap], jnp.int32(0)
        shifted = jax.lax.dynamic_slice(padded, start, image.shape)
        blurred += weights[tap] * shifted
    return blurred
