"""Training images that are streamed to the device: for each seed the batches that it takes."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, UInt8

from selectax.datasets.order import epoch_order
from selectax.datasets.streaming import stream


@dataclasses.dataclass(frozen=True)
class StreamedSteps:
    """The batches of some steps of an epoch, in the order of each seed.

    Attributes:
      images: bytes.
      labels: of the images.
      keys: for the augmentation of each batch.
    """

    images: UInt8[Array, "seeds steps batch height width channels"]
    labels: Int[Array, "seeds steps batch"]
    keys: PRNGKeyArray


def streamed_epoch(
    source: Sequence[dict[str, Any]],
    seeds: Sequence[int],
    epoch: int,
    *,
    samples: int,
    batch_size: int,
    lengths: Sequence[int],
    start: int = 0,
) -> Iterator[StreamedSteps]:
    """An epoch's batches, or the rest of them after a restart, read ahead while the device works.

    Args:
      source: examples by index.
      seeds: whose orders are streamed side by side.
      epoch: counted from 0.
      samples: how many of the source are for training.
      batch_size: images a step.
      lengths: numbers of steps that are handed out together.
      start: steps of the epoch that were taken already.
    """
    orders, keys = zip(
        *(epoch_order(seed, epoch, samples, batch_size) for seed in seeds), strict=True
    )
    streams = [stream(source, np.asarray(order)[start:]) for order in orders]
    at = start
    for length in lengths:
        of_seeds = [list(itertools.islice(batches, length)) for batches in streams]
        yield StreamedSteps(
            jnp.asarray(np.stack([[batch["image"] for batch in steps] for steps in of_seeds])),
            jnp.asarray(np.stack([[batch["label"] for batch in steps] for steps in of_seeds])),
            jnp.stack([of_seed[at : at + length] for of_seed in keys]),
        )
        at += length
