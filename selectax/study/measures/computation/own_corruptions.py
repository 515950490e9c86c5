"""Test images under our own corruptions: the same for all networks, so that they are made once."""

import functools
import zlib
from collections.abc import Iterable, Sequence

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, UInt8

from selectax.corruptions import Corruption, corrupt, to_published_bytes
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.corrupted_sets import StoredCorruption
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.study.runtime.waiting import fetch

# Of the host's memory; what would go beyond it is corrupted anew for each network.
_MOST_BYTES = 2**31


class OwnCorruptions:
    """Test images, corrupted when they are first asked for, and kept as bytes for the next network.

    Attributes:
      clean: the images as they are.
    """

    name = None
    """They belong to the data set itself."""

    def __init__(
        self, clean: Batches, benchmark: Benchmark, own: Iterable[Corruption] = ()
    ) -> None:
        self.clean, self._benchmark = clean, benchmark
        self._own = {corruption.name: corruption for corruption in own}
        self._kept: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def named(self, name: str) -> str | Corruption:
        """Returns your own corruption with this name, or the name if it is in our table."""
        return self._own.get(name, name)

    def corruption(self, name: str, severities: Sequence[int]) -> StoredCorruption:
        """Returns the images under one corruption, by name."""
        which = name, tuple(severities)
        corrupted = self._kept.get(which)
        if corrupted is None:
            corrupted = corrupt_batches(
                key_of(name),
                self.clean,
                severities,
                name=self.named(name),
                benchmark=self._benchmark,
            )
            if sum(there.nbytes for there in self._kept.values()) + corrupted.nbytes < _MOST_BYTES:
                self._kept[which] = corrupted
        return StoredCorruption(self.clean, corrupted, paired=True)


def key_of(name: str) -> PRNGKeyArray:
    """PRNG key of a corruption, which draws the same for all severities and networks."""
    return jax.random.key(zlib.crc32(name.encode()))


def corrupt_batches(
    key: PRNGKeyArray,
    batches: Batches,
    severities: Sequence[int],
    *,
    name: str | Corruption,
    benchmark: Benchmark,
) -> UInt8[np.ndarray, "batches severities samples height width channels"]:
    """Images under one corruption, as the published sets hold them.

    Args:
      key: for what is drawn at random, otherwise for each batch.
      batches: clean ones.
      severities: 1 to 5.
      name: name of the corruption, or a `Corruption` of one's own.
      benchmark: whose severities it has.
    """
    of_batches = [
        [
            _corrupt_batch(
                key,
                np.int32(number),
                images,
                np.int32(severity),
                name=name,
                benchmark=benchmark,
            )
            for severity in severities
        ]
        for number, images in enumerate(jax.device_get(batches.images))
    ]
    return np.asarray(fetch(of_batches))


@functools.partial(jax.jit, static_argnames=("name", "benchmark"))
def _corrupt_batch(key, number, images, severity, *, name, benchmark):
    """One batch at one severity. All severities use the same random draws."""
    of_batch = jax.random.fold_in(key, number)
    corrupted = corrupt(of_batch, to_unit_range(images), name, severity, benchmark=benchmark)
    return to_published_bytes(corrupted)
