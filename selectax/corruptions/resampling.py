"""Linear maps of an image that act on rows and columns alike, as a matrix for each axis."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def along_rows(
    matrix: Float[Array, "new height"], image: Float[Array, "height width channels"]
) -> Float[Array, "new width channels"]:
    """Mixes the rows of an image."""
    return jnp.einsum("nh,hwc->nwc", matrix, image, precision=jax.lax.Precision.HIGHEST)


def along_columns(
    matrix: Float[Array, "new width"], image: Float[Array, "height width channels"]
) -> Float[Array, "height new channels"]:
    """Mixes the columns of an image."""
    return jnp.einsum("nw,hwc->hnc", matrix, image, precision=jax.lax.Precision.HIGHEST)
