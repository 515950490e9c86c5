"""Where XLA is not to fuse."""

import jax
from jaxtyping import Array, Float


def computed_once(array: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The array itself, in memory, for what reads it from several places.

    XLA would otherwise compute it anew for each of them: spatter took ten times as long.
    """
    return jax.lax.optimization_barrier(array)
