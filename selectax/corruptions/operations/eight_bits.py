"""Conversion of [0, 1] to integers from 0 to 255, which the original code keeps between steps."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def rounded(image: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rounds to integers, like Pillow and ImageMagick."""
    return jnp.floor(255 * image + 0.5)


def truncated(image: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Truncates to integers, like a cast to unsigned bytes."""
    # A small epsilon, so that values just below an integer are not truncated to the one below.
    return jnp.floor(255 * image + 3e-5)
