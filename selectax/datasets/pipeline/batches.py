"""Images in batches of one size: bytes at rest, floats in [0, 1] where they are used."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batches:
    """A data set cut into batches, for `jax.lax.scan`; the last one is filled up.

    Attributes:
      images: zeros where filled up.
      labels: 0 where filled up.
      where: False where filled up.
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
    """Cuts a data set into batches; a set smaller than a batch is one batch of its own size.

    Batches are filled up to the next multiple of a number, such as that of the devices.
    """
    batch_size = -(-min(batch_size, len(images)) // multiple) * multiple
    missing = -len(images) % batch_size

    def cut(values):
        filled = np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
        return jnp.asarray(filled.reshape(-1, batch_size, *values.shape[1:]))

    return Batches(cut(images), cut(labels), cut(np.ones(len(images), bool)))


def to_unit_range(images: UInt8[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Bytes to float32 in [0, 1]."""
    return images.astype(jnp.float32) / 255
