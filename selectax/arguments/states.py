"""Checks of the states of accumulators: their type, dtype, and whether two can be merged."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike


def checked_sum_dtype(dtype: DTypeLike) -> jnp.dtype:
    """The dtype of sums over many samples.

    Raises:
      TypeError: dtype is not float32 or float64. Sums in a narrower one would stop growing, and
        integers would lose fractions.
    """
    found = jnp.dtype(dtype)
    if found not in (jnp.float32, jnp.float64):
        raise TypeError(f"dtype must be float32 or float64, not {found}; responses may be any.")
    return found


def check_alike(kind: type, a: Any, b: Any, axes: str, shape: Callable[[Any], Any]) -> None:
    """Checks that a and b are states of one accumulator for the same classes, units or masks.

    Args:
      kind: the type of the states.
      a: state to merge.
      b: state to merge.
      axes: what the shape counts, for the error.
      shape: gives what must be equal in both.

    Raises:
      TypeError: a or b is not of that type.
      ValueError: their shapes differ.
    """
    check_state("a", kind, a)
    check_state("b", kind, b)
    if shape(a) != shape(b):
        raise ValueError(f"a and b differ in {axes}: {shape(a)} and {shape(b)}.")


def check_state(name: str, kind: type, state: Any) -> None:
    """Raises a TypeError unless the state is one of the accumulator of this type."""
    if not isinstance(state, kind):
        raise TypeError(f"{name} must be {kind.__name__}, not {type(state).__name__}.")
