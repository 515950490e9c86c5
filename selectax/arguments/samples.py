"""Checks of labelled samples, and which of them count."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.arrays import as_array, is_concrete
from selectax.arguments.labels import checked_labels


def checked_samples(
    labels, where, samples: int, num_classes: int
) -> tuple[Int[Array, "samples"], Bool[Array, "samples"] | None]:
    """The labels and the mask as arrays; see `checked_labels` and `checked_where` for errors."""
    return checked_labels(labels, samples, num_classes), checked_where(where, samples)


def checked_where(where, samples: int) -> Bool[Array, "samples"] | None:
    """The mask as an array of booleans, or None.

    Args:
      where: None, or one boolean for each sample; the numbers 0 and 1 are accepted.
      samples: number of samples.

    Raises:
      TypeError: where does not hold numbers or booleans.
      ValueError: where has the wrong shape, or a concrete value is neither 0 nor 1.
    """
    if where is None:
        return None
    mask = as_array("where", where)
    if mask.shape != (samples,):
        raise ValueError(
            f"where must have shape ({samples},), one entry for each sample, not {mask.shape}."
        )
    return checked_mask("where", mask, "samples that count")


def checked_mask(name: str, mask, marked: str) -> Bool[Array, "..."]:
    """A mask as an array of booleans; the numbers 0 and 1 are accepted.

    Args:
      name: name of the argument.
      mask: an array.
      marked: what the mask marks, for the error.

    Raises:
      ValueError: a concrete value is neither 0 nor 1.
    """
    if mask.dtype != bool and is_concrete(mask):
        values = np.asarray(mask)
        wrong = ~((values == 0) | (values == 1))
        if np.any(wrong):
            raise ValueError(
                f"{name} holds {values[wrong][0]}, but marks the {marked} by True and False; "
                "weights are not supported."
            )
    return jnp.asarray(mask).astype(bool)


def counted_samples(
    labels: Int[Array, "samples"], where: Bool[Array, "samples"] | None, num_classes: int
) -> Bool[Array, "samples"]:
    """The samples that count: of a class, and not left out by the mask."""
    counts = (labels >= 0) & (labels < num_classes)
    return counts if where is None else counts & where


def labels_of_layers(
    labels, layers: Mapping[str, Float[Array, "samples *space units"]]
) -> Int[Array, "samples"]:
    """The labels as an array, with one entry for each sample of each layer.

    Raises:
      ValueError: the number of labels differs from the number of samples.
    """
    labels = as_array("labels", labels)
    for name, layer in layers.items():
        if layer.shape[:1] != labels.shape:
            raise ValueError(
                f"labels must have one entry for each sample, but have shape {labels.shape}, and "
                f"activations[{name!r}] has shape {layer.shape}."
            )
    return labels
