"""Conversion of arguments to arrays, and whether their values are concrete."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def is_concrete(*values) -> bool:
    """Whether all values are available: none is traced, and none is partly on another host."""
    return not any(
        isinstance(leaf, jax.core.Tracer)
        or (isinstance(leaf, jax.Array) and not leaf.is_fully_addressable)
        for leaf in jax.tree.leaves(values)
    )


def as_array(name: str, value: Any, *, keep_doubles: bool = False) -> Array:
    """Returns JAX and NumPy arrays unchanged, and converts other values to an array.

    Args:
      name: name of the argument, or of an entry of it, for errors.
      value: an array, a number, a list or tuple of numbers, or an object that NumPy or JAX can
        convert.
      keep_doubles: whether Python floats of a list stay float64, as parameters for wider data
        should; data become float32, whatever JAX_ENABLE_X64 says.

    Raises:
      TypeError: the value does not hold numbers.
      ValueError: the rows of a nested list differ in length.
    """
    array: Any
    if isinstance(value, (jax.Array, np.ndarray)):
        array = value
    elif hasattr(value, "__jax_array__"):
        array = jnp.asarray(value)
    elif isinstance(value, (list, tuple)):
        array = _from_sequence(name, value, keep_doubles)
    elif isinstance(value, (bool, int, float, np.generic)) or hasattr(value, "__array__"):
        array = np.asarray(value)
    else:
        raise TypeError(f"{name} must be an array of numbers, not {_described(value)}.")
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool):
        raise TypeError(f"{name} must be an array of numbers, not of {array.dtype}.")
    return array


def canonical(array: Array) -> Array:
    """The array in the dtype that JAX would use; a NumPy array stays one."""
    if isinstance(array, jax.Array):
        return array
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


def _from_sequence(name, value, keep_doubles):
    leaves = jax.tree.leaves(value, is_leaf=lambda leaf: leaf is None)
    for leaf in leaves:
        if not (isinstance(leaf, (bool, int, float)) or hasattr(leaf, "dtype")):
            raise TypeError(f"{name} must hold numbers only, but holds {_described(leaf)}.")
    try:
        if any(isinstance(leaf, jax.Array) for leaf in leaves):
            return jnp.asarray(value)
        # NumPy would convert an empty list to float64, which is refused for labels.
        array = np.asarray(value) if leaves else np.asarray(value, np.int32)
        typed = keep_doubles or any(hasattr(leaf, "dtype") for leaf in leaves)
        return array if typed or array.dtype != np.float64 else array.astype(np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must have rows of equal length to be an array.") from None


def _described(value) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
