"""Checks of single values. Each error is one sentence that names the flag and the value."""

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

from selectax.arguments.names import unknown
from selectax.study.configuration.errors import ConfigurationError

# Largest float32. Networks are trained in float32.
_LARGEST = (2 - 2**-23) * 2.0**127


def flag_of(field: str) -> str:
    """Returns the flag of an option's field, such as --batch-size for batch_size."""
    return f"--{field.replace('_', '-')}"


def spaced(values: Iterable[Any]) -> str:
    """Joins the values of a flag by spaces, as on a command line."""
    return " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def check_name(named: str, name: str, known: Sequence[str]) -> None:
    """Checks that a name is known.

    Raises:
      ConfigurationError: the name is unknown; the message suggests the most similar one.
    """
    if name not in known:
        raise ConfigurationError(unknown(f"{named} {name}", name, known))


def check_count(named: str, count: int | None) -> None:
    """Checks that a count is None or a whole number of at least 1.

    Raises:
      ConfigurationError: it is something else.
    """
    if count is not None and (not isinstance(count, numbers.Integral) or count < 1):
        raise ConfigurationError(f"{named} {count}: give a whole number of at least 1.")


def check_finite(named: str, value: float, lowest: float) -> None:
    """Checks that a value is finite in float32 and not below the lowest one.

    Raises:
      ConfigurationError: it is not.
    """
    # Larger values become infinity in float32.
    if not abs(value) <= _LARGEST or value < lowest:
        at_least = "" if lowest < 0 else " of at least 0"
        to = f" up to {_LARGEST:.2g}" if _LARGEST < abs(value) < math.inf else ""
        raise ConfigurationError(f"{named} {value}: give a finite number{at_least}{to}.")


def check_each_once(named: str, values: Sequence[Any], *, may_be_empty: bool = False) -> None:
    """Checks that no value is given twice, and that there is one unless `may_be_empty`.

    Raises:
      ConfigurationError: a value is given twice, or there is none.
    """
    if len(set(values)) < len(values):
        raise ConfigurationError(f"{named} {spaced(values)}: give each value once.")
    if not values and not may_be_empty:
        raise ConfigurationError(f"{named} is empty: give at least one value.")
