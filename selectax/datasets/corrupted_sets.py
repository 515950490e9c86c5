"""The official corrupted test sets, beside the clean images that they were made of."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt8

from selectax.datasets.archives.archive import locate
from selectax.datasets.loading import builder_class_of, find_builder, load
from selectax.datasets.pipeline.batches import Batches, in_batches
from selectax.datasets.preparation import prepare
from selectax.datasets.registry import CORRUPTED, SEVERITIES, describe


class StoredCorruption(NamedTuple):
    """Images under one corruption, in batches.

    Attributes:
      clean: the images that were corrupted; where they are not known, their labels alone.
      images: corrupted, for each severity.
      paired: whether the clean images are known, which for Tiny ImageNet-C they never are.
    """

    clean: Batches
    images: UInt8[Array, "batches severities samples height width channels"]
    paired: bool


@dataclasses.dataclass(frozen=True)
class OfficialSet:
    """An official corrupted test set, read anew for each use: the whole would fill the memory.

    Attributes:
      name: of the data set.
      data_dir: folder of prepared data sets that holds it.
      test_images: of the clean test split, in its order.
      test_labels: of the clean test split.
      batch_size: images at a time.
    """

    name: str
    data_dir: pathlib.Path
    test_images: UInt8[np.ndarray, "samples height width channels"]
    test_labels: Int[np.ndarray, "samples"]
    batch_size: int

    def corruption(self, name: str, severities: Sequence[int]) -> StoredCorruption:
        """The images under one corruption, as many as there are clean ones at the most."""
        most = len(self.test_labels)
        sets = [
            load(self.name, "test", corruption=name, severity=severity, data_dir=self.data_dir)
            for severity in severities
        ]
        labels = sets[0][1][:most]
        # A part of an archive need not keep the order of the test images.
        paired = describe(self.name).is_paired and np.array_equal(
            labels, self.test_labels[: len(labels)]
        )
        clean_images = self.test_images[: len(labels)]
        if not paired:
            clean_images = np.zeros((len(labels), *clean_images.shape[1:]), np.uint8)
        stored = [in_batches(images[:most], labels, self.batch_size).images for images, _ in sets]
        clean = in_batches(clean_images, labels, self.batch_size)
        return StoredCorruption(clean, jnp.stack(stored, axis=1), paired)


def corruptions_at_hand(
    dataset: str, *, archives: pathlib.Path | None, **where: Any
) -> tuple[str, ...]:
    """The corruptions of a data set's official corrupted form, prepared or in the folder.

    Args:
      dataset: the clean one.
      archives: folder that holds the official archives, if one is named.
      where: the other arguments of `load` that say where prepared sets are.

    Returns:
      None of them if it is not at hand, and some if what is at hand is a part.

    Raises:
      DataError: the archive is damaged.
    """
    if dataset not in CORRUPTED:
        return ()
    if archives is None:
        return _first_part(dataset, archives=None, **where).prepared_corruptions
    builder: Any = builder_class_of(CORRUPTED[dataset])
    path = locate(builder.archives(), archives)
    return () if path is None else builder.corruptions_in(path)


def is_at_hand(dataset: str, *, archives: pathlib.Path | None, **where: Any) -> bool:
    """Whether a data set's official corrupted form is prepared, or its archive in the folder."""
    return bool(corruptions_at_hand(dataset, archives=archives, **where))


def open_official_set(
    dataset: str,
    where: dict[str, Any],
    test_images: UInt8[np.ndarray, "samples height width channels"],
    test_labels: Int[np.ndarray, "samples"],
    batch_size: int,
) -> OfficialSet:
    """A data set's official corrupted form, prepared if need be.

    Args:
      dataset: the clean one.
      where: arguments of `load` that say where archives and prepared sets are.
      test_images: of the clean test split.
      test_labels: of the clean test split.
      batch_size: images at a time.

    Raises:
      DataError: it cannot be had.
    """
    builder = _first_part(dataset, **where)
    prepare(builder)
    # From here on without the archive, whose checksum need not be taken again.
    data_dir = pathlib.Path(builder.data_dir_root)
    return OfficialSet(CORRUPTED[dataset], data_dir, test_images, test_labels, batch_size)


def _first_part(dataset: str, **where: Any):
    name = CORRUPTED[dataset]
    first = describe(name).corruptions[0]
    return find_builder(name, corruption=first, severity=SEVERITIES[0], **where)
