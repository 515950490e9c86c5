"""Batches of equal size. Images are stored as uint8 and converted to floats in [0, 1] for use."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batches:
    """A data set divided into batches for `jax.lax.scan`. The last batch is padded.

    Attributes:
      images: images; padding is 0.
      labels: labels; padding is 0.
      where: True for images of the data set, False for padding.
    """

    images: UInt8[Array, "batches samples height width channels"]
    labels: Int[Array, "batches samples"]
    where: Bool[Array, "batches samples"]


def in_batches(
    images: UInt8[np.ndarray, "samples height width channels"],
    labels: Int[np.ndarray, "samples"],
    batch_size: int,
    *,
    multiple: int = 1,
) -> Batches:
    """Divides a data set into batches.

    A data set smaller than `batch_size` becomes one batch of its own size. The size of a batch is
    rounded up to a multiple of `multiple`, such as the number of devices.
    """
    batch_size = -(-min(batch_size, len(images)) // multiple) * multiple
    missing = -len(images) % batch_size

    def cut(values):
        filled = np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
        # jnp.asarray would compile a program for each shape.
        return jax.device_put(filled.reshape(-1, batch_size, *values.shape[1:]))

    return Batches(cut(images), cut(labels), cut(np.ones(len(images), bool)))


def one_by_one(batches: Batches) -> Iterator[Batches]:
    """Each batch on its own, as NumPy arrays, whose indexing compiles nothing."""
    on_host = jax.device_get(batches)
    for images, labels, where in zip(on_host.images, on_host.labels, on_host.where, strict=True):
        yield Batches(images, labels, where)


def to_unit_range(images: UInt8[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Converts uint8 images to float32 in [0, 1]."""
    return images.astype(jnp.float32) / 255
