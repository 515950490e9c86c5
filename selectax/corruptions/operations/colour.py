"""Conversion of colour to grey."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def luma(image: Float[Array, "height width 3"]) -> Float[Array, "height width 1"]:
    """Converts to grey with the weights of ITU-R BT.601."""
    red, green, blue = jnp.split(image, 3, axis=-1)
    return 0.299 * red + 0.587 * green + 0.114 * blue
