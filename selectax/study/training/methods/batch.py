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

    The images may be one part of a batch, that of one device or micro-batch. A method must give the
    same images whatever the number of parts: it takes random numbers from `keys`, or from `key`
    and `part`.

    Attributes:
      key: PRNG key of the whole batch, the same for all parts.
      part: index of this part, which may be traced, and number of parts of the batch.
      keys: PRNG key of each image, which depends on the image's position in the whole batch.
      images: images in [0, 1].
      labels: classes of the images.
      strength: strength of the method for this network; traced.
      logits_fn: the network with its current parameters, in evaluation mode: batch norm uses the
        running statistics, so that each image's logits are independent of the other images.
      options: values of the method's options, by the names of their fields, and "benchmark", the
        benchmark whose severities the data set uses.
    """

    key: PRNGKeyArray
    part: tuple[int | Int[Array, ""], int]
    keys: PRNGKeyArray
    images: Images
    labels: Int[Array, "samples"]
    strength: Float[Array, ""]
    logits_fn: Callable[[Images], Float[Array, "samples classes"]]
    options: Mapping[str, Any]


def key_of_method(key: PRNGKeyArray) -> PRNGKeyArray:
    """Returns the key of a training method, from the key of a batch that its augmentation uses."""
    return jax.random.fold_in(key, _STREAM)


def keys_of_images(
    key: PRNGKeyArray, samples: int, part: tuple[int | Int[Array, ""], int]
) -> PRNGKeyArray:
    """Returns a PRNG key for each image of a part of a batch.

    Args:
      key: PRNG key of the whole batch.
      samples: number of images of the part.
      part: index of the part, and number of parts.
    """
    positions = part[0] * samples + jnp.arange(samples, dtype=jnp.int32)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, positions)
