"""Checks of labelled samples, and which of them count."""

from collections.abc import Mapping

from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.arrays import as_array
from selectax.arguments.labels import checked_labels
from selectax.arguments.where import checked_where


def checked_samples(
    labels, where, samples: int, num_classes: int
) -> tuple[Int[Array, "samples"], Bool[Array, "samples"] | None]:
    """The labels and the mask as arrays; see `checked_labels` and `checked_where` for errors."""
    return checked_labels(labels, samples, num_classes), checked_where(where, samples)


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
