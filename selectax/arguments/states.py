"""Checks of two states of an accumulator before they are merged."""

from collections.abc import Callable
from typing import Any


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
    for name, state in (("a", a), ("b", b)):
        if not isinstance(state, kind):
            raise TypeError(f"{name} must be {kind.__name__}, not {type(state).__name__}.")
    if shape(a) != shape(b):
        raise ValueError(f"a and b differ in {axes}: {shape(a)} and {shape(b)}.")
