"""Applies a function of samples to one batch after another."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array


def in_batches(function: Callable[..., Array], batch_size: int, *arrays: Array) -> Array:
    """The function's result for all samples, computed one batch after another.

    Args:
      function: function of batches of the arrays that treats each sample independently and returns
        arrays with one entry per sample.
      batch_size: at least 1; the last batch is padded with copies of the first sample.
      arrays: arrays with one entry per sample.

    Returns:
      The results, concatenated.
    """
    count = len(arrays[0])
    if count <= batch_size:
        return function(*arrays)
    missing = -count % batch_size

    def split(array):
        padding = jnp.broadcast_to(array[:1], (missing, *array.shape[1:]))
        return jnp.concatenate([array, padding]).reshape(-1, batch_size, *array.shape[1:])

    results = jax.lax.map(lambda batch: function(*batch), tuple(map(split, arrays)))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:count], results)
