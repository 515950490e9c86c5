"""Test images under our own corruptions: the same for all networks, so that they are made once."""

import functools
import zlib
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, UInt8

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
        """Returns the images under one corruption, by name.

        The key depends on the corruption's name alone, so that the random draws are the same for
        all severities and networks.
        """
        which = name, tuple(severities)
        corrupted = self._kept.get(which)
        if corrupted is None:
            corrupted = fetch(
                corrupt_batches(
                    jax.random.key(zlib.crc32(name.encode())),
                    self.clean.images,
                    np.asarray(severities, np.int32),
                    name=self.named(name),
                    benchmark=self._benchmark,
                )
            )
            if sum(there.nbytes for there in self._kept.values()) + corrupted.nbytes < _MOST_BYTES:
                self._kept[which] = corrupted
        return StoredCorruption(self.clean, jax.device_put(corrupted), paired=True)


@functools.partial(jax.jit, static_argnames=("name", "benchmark"))
def corrupt_batches(
    key: PRNGKeyArray,
    images: UInt8[Array, "batches samples height width channels"],
    severities: Int[Array, "severities"],
    *,
    name: str | Corruption,
    benchmark: Benchmark,
) -> UInt8[Array, "batches severities samples height width channels"]:
    """Images under one corruption, as the published sets hold them.

    Args:
      key: for what is drawn at random, otherwise for each batch.
      images: clean ones.
      severities: 1 to 5; traced.
      name: name of the corruption, or a `Corruption` of one's own.
      benchmark: whose severities it has.
    """

    def of_batch(number_and_images):
        number, batch = number_and_images
        batch_key, clean = jax.random.fold_in(key, number), to_unit_range(batch)

        def at_severity(severity):
            return to_published_bytes(
                corrupt(batch_key, clean, name, severity, benchmark=benchmark)
            )

        return jax.lax.map(at_severity, severities)

    return jax.lax.map(of_batch, (jnp.arange(len(images), dtype=jnp.int32), images))
