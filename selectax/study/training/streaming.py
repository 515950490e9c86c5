"""Streaming of training images to the device: each seed gets batches in its own order."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Int, PRNGKeyArray, UInt8

from selectax.datasets.pipeline.order import epoch_order
from selectax.datasets.pipeline.streaming import stream


@dataclasses.dataclass(frozen=True)
class StreamedSteps:
    """The batches of consecutive training steps, in the order of each seed.

    Attributes:
      images: pixel values as bytes.
      labels: classes of the images.
      keys: PRNG keys of shape [seeds, steps] for the augmentation of each batch.
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
    mesh: Mesh | None = None,
) -> Iterator[StreamedSteps]:
    """Iterates over the batches of an epoch, which are read ahead while the device trains.

    Args:
      source: maps an index to an example with an "image" and a "label".
      seeds: seeds of the networks; each seed has its own order of images.
      epoch: number of the epoch, counted from 0.
      samples: number of training images; they are the first ones of the source.
      batch_size: images per step.
      lengths: number of steps in each yielded item.
      start: number of steps of the epoch to skip, because they were done before a restart.
      mesh: devices, each of which gets its share of every batch; each host reads only the images
        of its own devices.

    Yields:
      The batches of the next steps, one item for each number in `lengths`.
    """
    orders, keys = zip(
        *(epoch_order(seed, epoch, samples, batch_size) for seed in seeds), strict=True
    )
    sharding = None if mesh is None else NamedSharding(mesh, P(None, None, "data"))
    own = slice(None) if sharding is None else _own_columns(sharding, batch_size)
    streams = [stream(source, np.asarray(order)[start:, own]) for order in orders]

    def on_devices(of_seeds, what):
        here = np.stack([[batch[what] for batch in steps] for steps in of_seeds])
        if sharding is None:
            return jnp.asarray(here)
        return jax.make_array_from_process_local_data(sharding, here)

    at = start
    for length in lengths:
        of_seeds = [list(itertools.islice(batches, length)) for batches in streams]
        yield StreamedSteps(
            on_devices(of_seeds, "image"),
            on_devices(of_seeds, "label"),
            jnp.stack([of_seed[at : at + length] for of_seed in keys]),
        )
        at += length


def _own_columns(sharding: NamedSharding, batch_size: int) -> slice:
    """The part of each batch that goes to the devices of this host."""
    parts = sharding.addressable_devices_indices_map((1, 1, batch_size)).values()
    bounds = [part[2].indices(batch_size)[:2] for part in parts if part is not None]
    return slice(min(first for first, _ in bounds), max(end for _, end in bounds))
