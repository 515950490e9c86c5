"""Labels: the class of each sample, and how many classes there are."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from selectax.arguments.arrays import as_array, is_concrete

IGNORED = -1
"""The label of a sample that takes no part."""


def checked_labels(labels, samples: int, num_classes: int | None = None) -> Int[Array, "samples"]:
    """The labels as an array of integers.

    Args:
      labels: one integer a sample, 0 … num_classes − 1, or −1 for a sample to ignore.
      samples: number of samples.
      num_classes: number of classes; None if any number from 0 on is a class.

    Raises:
      TypeError: labels are not integers.
      ValueError: labels have another shape, or, if they are concrete, one is no class.
    """
    array = as_array("labels", labels)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {array.dtype}; cast class indices to int.")
    if array.shape != (samples,):
        remedy = "; take the argmax of one-hot labels" if array.ndim == 2 else ""
        raise ValueError(
            f"labels must have shape ({samples},), one entry a sample, not {array.shape}{remedy}."
        )
    check_classes("labels", array, num_classes)
    return jnp.asarray(array)


def check_classes(name: str, classes: Array | np.ndarray, num_classes: int | None) -> None:
    """Raises a ValueError if concrete classes are neither 0 … num_classes − 1 nor −1."""
    if not is_concrete(classes):
        return
    values = np.asarray(classes)
    outside = values < IGNORED
    if num_classes is not None:
        outside |= values >= num_classes
    if np.any(outside):
        known = "0 and up" if num_classes is None else f"0 to {num_classes - 1}"
        raise ValueError(
            f"{name} hold {values[outside][0]}, but classes are {known}, and -1 marks a sample to "
            "ignore; number the classes from 0."
        )


def checked_number(name: str, number: int) -> int:
    """The number of classes, units or the like as an int.

    Raises:
      TypeError: it is not an integer.
      ValueError: it is below 1.
    """
    if isinstance(number, jax.core.Tracer):
        raise TypeError(f"{name} must not be traced, for shapes follow from it; make it static.")
    try:
        whole = operator.index(number)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {number!r}.") from None
    if whole < 1:
        raise ValueError(f"{name} must be at least 1, not {whole}.")
    return whole
