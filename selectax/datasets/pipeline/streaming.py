"""Batches streamed from disk to the device by Grain, for data sets that do not fit there.

What is streamed is said by an array of indices: with `epoch_order`, that of resident training.
"""

import operator
from collections.abc import Sequence
from typing import Any, Literal

import grain
import jax
import numpy as np
from absl import flags
from jaxtyping import Int

# Of the device's memory, for a data set to be resident: networks and activations need the rest.
_RESIDENT_SHARE = 0.25


def stream(
    source: Sequence[dict[str, Any]],
    order: Int[np.ndarray, "steps batch"],
    *,
    host: int = 0,
    hosts: int = 1,
    device: jax.Device | jax.sharding.Sharding | None = None,
    threads: int = 2,
    workers: int = 0,
    ahead: int = 4,
) -> grain.DatasetIterator:
    """Batches {"image": uint8 [batch, height, width, channels], "label": int32 [batch]}, in order.

    The iterator's `get_state()` is a dict that JSON can hold; `set_state` of another iterator, made
    of the same arguments, goes on after the batch that was handed out last, whatever had been
    prefetched.

    Args:
      source: examples of an "image" and a "label" by index, such as TFDS's `as_data_source`.
      order: indices into the source; of several epochs one after the other, for no pause between.
      host: number of this process, such as `jax.process_index()`.
      hosts: number of processes, each of which gets its equal part of every batch.
      device: where batches are put, prefetched; None leaves them as numpy's.
      threads: that read and decode, without workers.
      workers: processes that read and decode instead; they start anew for each iterator.
      ahead: batches prefetched, per worker if there are any.

    Raises:
      ValueError: an index is outside the source, or the batch cannot be shared equally.
    """
    order = np.asarray(order)
    if order.size and not 0 <= order.min() <= order.max() < len(source):
        outside = order.min() if order.min() < 0 else order.max()
        raise ValueError(f"order: holds {outside}, but the source has {len(source)} examples.")
    if order.shape[1] % hosts or not 0 <= host < hosts:
        raise ValueError(
            f"hosts {hosts}: host {host} gets no equal part of a batch of {order.shape[1]}; "
            "give a batch size that is a multiple of the number of hosts."
        )
    part = order.shape[1] // hosts
    batches = grain.MapDataset.source(_Batches(source, order[:, host * part : (host + 1) * part]))
    if workers:
        _let_grain_read_its_flags()
        dataset = batches.to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0))
        dataset = dataset.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=ahead)
        )
    else:
        dataset = batches.to_iter_dataset(
            grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
        )
    if device is not None:
        dataset = grain.experimental.device_put(dataset, device)
    return iter(dataset)


def _let_grain_read_its_flags() -> None:
    """Lets Grain's worker processes start in a program that does not parse flags with absl.

    Grain up to 0.2.18 reads a flag when it starts workers, and absl raises an error for flags that
    were not parsed: https://github.com/google/grain/issues/1355. This marks only Grain's flags as
    given and leaves their values, so that a program's own flags are unaffected.
    """
    for name in flags.FLAGS:
        if name.startswith("grain_"):
            flags.FLAGS[name].present = True


def choose_input(
    image_bytes: int, device: jax.Device, *, host_memory: int
) -> Literal["resident", "stream"]:
    """Whether images shall lie on the device or be streamed to it.

    Args:
      image_bytes: of the training and validation images.
      device: with memory statistics, as GPUs and TPUs have; else the host's memory counts.
      host_memory: in bytes.
    """
    limit = (device.memory_stats() or {}).get("bytes_limit", host_memory)
    return "resident" if image_bytes <= _RESIDENT_SHARE * limit else "stream"


class _Batches:
    """Whole batches by number, as Grain's source: one element, and so one state, per step."""

    def __init__(self, source: Sequence[dict[str, Any]], order: Int[np.ndarray, "steps batch"]):
        self._source, self._order = source, order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        chosen = self._order[operator.index(step)].tolist()
        # TFDS reads many records in one call.
        read = getattr(self._source, "__getitems__", None)
        examples = read(chosen) if read else [self._source[index] for index in chosen]
        return {
            "image": np.stack([example["image"] for example in examples]),
            "label": np.array([example["label"] for example in examples], np.int32),
        }
