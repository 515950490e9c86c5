"""Images in [0, 1] as the whole numbers 0 to 255 that the original code keeps between steps."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def rounded(image: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Whole numbers, as Pillow and ImageMagick make them."""
    return jnp.floor(255 * image + 0.5)


def truncated(image: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Whole numbers, as a cast to unsigned bytes makes them."""
    # A trifle more, or what rounding left just below a byte would be truncated to the one before.
    return jnp.floor(255 * image + 3e-5)
