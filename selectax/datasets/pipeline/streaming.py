"""Streams batches from disk to the device with Grain, for data sets that do not fit in its memory.

An array of indices gives the order of the images. With `epoch_order`, it is the same order as in
resident training.
"""

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from jaxtyping import Int

if TYPE_CHECKING:
    import grain

# A resident data set may use this fraction of the device's memory. Networks and activations need
# the rest.
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
) -> "grain.DatasetIterator":
    """Streams batches in the given order.

    A batch is {"image": uint8 [batch, height, width, channels], "label": int32 [batch]}.

    The iterator's `get_state()` returns a dict that can be saved as JSON. Pass it to `set_state` of
    another iterator with the same arguments to continue after the last batch that was returned.
    Prefetched batches are not counted as returned.

    Args:
      source: sequence of examples with an "image" and a "label", such as TFDS's `as_data_source`.
      order: indices into the source. Concatenate several epochs to avoid a pause between them.
      host: index of this process, such as `jax.process_index()`.
      hosts: number of processes. Each gets an equal part of every batch.
      device: device or sharding to which batches are prefetched; None returns NumPy arrays.
      threads: number of threads that read and decode if `workers` is 0.
      workers: number of processes that read and decode instead. They start anew for each iterator.
        Grain up to 0.2.18 reads an absl flag in them, so a program that does not parse absl's flags
        must first call `absl.flags.FLAGS.mark_as_parsed()`
        (https://github.com/google/grain/pull/1361).
      ahead: number of prefetched batches, per worker if there are workers.

    Raises:
      ValueError: if an index is outside the source, or if a batch cannot be divided equally.
    """
    # Imported here because it takes long, and images that fit in memory do not need it.
    import grain

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


def choose_input(
    image_bytes: int, device: jax.Device, *, host_memory: int
) -> Literal["resident", "stream"]:
    """Chooses whether to keep images on the device or to stream them to it.

    Args:
      image_bytes: size of the training and validation images in bytes.
      device: device for training. Its memory size is used if it is known, as for GPUs and TPUs.
      host_memory: memory of the host in bytes, used for devices whose memory size is not known.
    """
    limit = (device.memory_stats() or {}).get("bytes_limit", host_memory)
    return "resident" if image_bytes <= _RESIDENT_SHARE * limit else "stream"


class _Batches:
    """A source for Grain whose elements are whole batches, so that its state counts steps."""

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
