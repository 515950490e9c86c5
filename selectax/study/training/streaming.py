"""Training images that are streamed to the device: for each seed the batches that it takes."""

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
    mesh: Mesh | None = None,
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
      mesh: devices, each of which gets its share of every batch; a host reads what its own get.
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
    """Of each batch, what the devices of this host take."""
    parts = sharding.addressable_devices_indices_map((1, 1, batch_size)).values()
    bounds = [part[2].indices(batch_size)[:2] for part in parts if part is not None]
    return slice(min(first for first, _ in bounds), max(end for _, end in bounds))
