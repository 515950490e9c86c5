"""Check of counts that shapes and loops depend on."""

import operator

import jax


def checked_count(name: str, count: int, least: int = 1) -> int:
    """A count, such as that of classes or units, as an int.

    Raises:
      TypeError: count is not an integer.
      ValueError: count is below least.
    """
    if isinstance(count, jax.core.Tracer):
        raise TypeError(f"{name} must not be traced, because shapes depend on it; make it static.")
    try:
        whole = operator.index(count)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {count!r}.") from None
    if whole < least:
        raise ValueError(f"{name} must be at least {least}, not {whole}.")
    return whole
