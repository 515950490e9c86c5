"""Checks of single numbers: counts, on which shapes and loops depend, and real ones."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from selectax.arguments.arrays import is_concrete


def checked_count(name: str, count: int, least: int = 1) -> int:
    """A count, such as that of classes or units, as an int.

    Raises:
      TypeError: count is not an integer.
      ValueError: count is below least.
    """
    whole = checked_integer(name, count)
    if whole < least:
        raise ValueError(f"{name} must be at least {least}, not {whole}.")
    return whole


def checked_integer(name: str, value: int) -> int:
    """An integer on which shapes or loops depend, as an int; a bool is no number.

    Raises:
      TypeError: value is not an integer, or it is traced.
    """
    if isinstance(value, jax.core.Tracer):
        raise TypeError(f"{name} must not be traced, because shapes depend on it; make it static.")
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}.") from None


def check_real(name: str, value: Any) -> None:
    """Raises a TypeError unless value is a single real number, which may be traced.

    A bool is no number.
    """
    if not (is_single(value, jnp.integer) or is_single(value, jnp.floating)):
        raise TypeError(f"{name} must be a single number, not {value!r}.")


def check_fraction(name: str, value: Any) -> None:
    """Raises unless value is a single real number, which is between 0 and 1 or traced.

    Raises:
      TypeError: value is not a single number.
      ValueError: a concrete value is NaN or not between 0 and 1.
    """
    check_real(name, value)
    if is_concrete(value) and not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, not {value}.")


def is_single(value: Any, kind: Any) -> bool:
    """Whether value is a single number of a kind, such as jnp.integer; it may be traced."""
    known = isinstance(value, int | float | np.generic | np.ndarray | jax.Array)
    if not known or np.ndim(value):
        return False
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    return bool(jnp.issubdtype(dtype, kind))
