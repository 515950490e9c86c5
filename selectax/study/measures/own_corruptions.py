"""Test images with our own corruptions, which are computed once and reused for all networks."""

import functools
import zlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, UInt8

from selectax.corruptions import Benchmark, Corruption, corrupt, to_published_bytes
from selectax.corruptions.registry import find_corruption
from selectax.datasets.corrupted_sets import StoredCorruption
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.study.runtime.waiting import fetch

# Limit of cached images in host memory. Images beyond it are corrupted again for each network.
_MOST_BYTES = 2**31


class OwnCorruptions:
    """Corrupted test images, computed on first use and cached as bytes for the next network.

    Attributes:
      clean: the clean test images.
    """

    name = None
    """None, because these corruptions have no data set of their own."""

    def __init__(self, clean: Batches, benchmark: Benchmark) -> None:
        self.clean, self._benchmark = clean, benchmark
        self._kept: dict[tuple[str | Corruption, tuple[int, ...]], np.ndarray] = {}

    def corruption(self, name: str | Corruption, severities: Sequence[int]) -> StoredCorruption:
        """Returns the images with one corruption, given by name or as a `Corruption` of one's own.

        The key depends only on the name of the corruption, so the random draws are the same for all
        severities and networks.
        """
        which = name, tuple(severities)
        corrupted = self._kept.get(which)
        if corrupted is None:
            corrupted = fetch(
                corrupt_batches(
                    jax.random.key(zlib.crc32(find_corruption(name).name.encode())),
                    self.clean.images,
                    jnp.asarray(severities, jnp.int32),
                    name=name,
                    benchmark=self._benchmark,
                )
            )
            if sum(there.nbytes for there in self._kept.values()) + corrupted.nbytes < _MOST_BYTES:
                self._kept[which] = corrupted
        return StoredCorruption(self.clean, jnp.asarray(corrupted), paired=True)


@functools.partial(jax.jit, static_argnames=("name", "benchmark"))
def corrupt_batches(
    key: PRNGKeyArray,
    images: UInt8[Array, "batches samples height width channels"],
    severities: Int[Array, "severities"],
    *,
    name: str | Corruption,
    benchmark: Benchmark,
) -> UInt8[Array, "batches severities samples height width channels"]:
    """Corrupts batches of images, and truncates the result to bytes as the published sets do.

    Args:
      key: PRNG key, from which a separate key is derived for each batch.
      images: clean images.
      severities: severities from 1 to 5; traced.
      name: name of the corruption, or a `Corruption` of one's own.
      benchmark: benchmark that defines the parameters of each severity.

    Returns:
      The corrupted images for each severity.
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
