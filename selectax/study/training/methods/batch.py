"""The input of a training method: one device's share of a batch, and what it may need beside it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

_STREAM = 2**31 - 1

Images = Float[Array, "samples height width channels"]


class Batch(NamedTuple):
    """Augmented images and labels, before the training method changes them.

    Attributes:
      keys: PRNG key of each image. It depends on the image's position in the whole batch, not on
        the number of devices or micro-batches.
      images: images in [0, 1].
      labels: classes of the images.
      strength: strength of the method for this network; traced.
      logits_fn: the network with its current parameters, in evaluation mode: batch norm uses the
        running statistics, so that each image's logits are independent of the other images.
      options: values of the method's options, by the names of their fields, and "benchmark", the
        benchmark whose severities the data set uses.
    """

    keys: PRNGKeyArray
    images: Images
    labels: Int[Array, "samples"]
    strength: Float[Array, ""]
    logits_fn: Callable[[Images], Float[Array, "samples classes"]]
    options: Mapping[str, Any]


def keys_of_images(key: PRNGKeyArray, samples: int, axis_name: str | None) -> PRNGKeyArray:
    """Returns a PRNG key for each image of this device's share of a batch.

    Args:
      key: PRNG key of the batch.
      samples: number of images of this device.
      axis_name: mapped axis of the devices that share the batch; None for one device.
    """
    # `augment` derives its keys from the same key, so take another one first.
    key = jax.random.fold_in(key, _STREAM)
    first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * samples
    positions = first + jnp.arange(samples, dtype=jnp.int32)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, positions)
