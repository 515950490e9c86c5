"""Checks of labels and classes."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from selectax.arguments.arrays import as_array, is_concrete

IGNORED = -1
"""The label of a sample to ignore."""


def checked_labels(labels, samples: int, num_classes: int | None = None) -> Int[Array, "samples"]:
    """The labels as an array of integers.

    Args:
      labels: one integer for each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      samples: number of samples.
      num_classes: number of classes; None if every number from 0 is a class.

    Raises:
      TypeError: labels are not integers.
      ValueError: labels have the wrong shape, or a concrete label is not a class.
    """
    array = as_array("labels", labels)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {array.dtype}; cast class indices to int.")
    if array.shape != (samples,):
        remedy = "; take the argmax of one-hot labels" if array.ndim == 2 else ""
        raise ValueError(
            f"labels must have shape ({samples},), one entry for each sample, not {array.shape}"
            f"{remedy}."
        )
    check_classes("labels", array, num_classes)
    return jnp.asarray(array)


def check_classes(name: str, classes: Array | np.ndarray, num_classes: int | None) -> None:
    """Raises a ValueError if a concrete class is neither −1 nor from 0 to num_classes − 1."""
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
