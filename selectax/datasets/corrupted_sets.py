"""The official corrupted test sets, with the clean images from which they were made."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from selectax.datasets.archives.archive import locate
from selectax.datasets.loading import builder_class_of, find_builder, load
from selectax.datasets.pipeline.batches import Batches, in_batches
from selectax.datasets.preparation import prepare
from selectax.datasets.registry import CORRUPTED, SEVERITIES, describe


class StoredCorruption(NamedTuple):
    """Images under one corruption, in batches.

    Attributes:
      clean: the images that were corrupted; zeros with the right labels if they are not known.
      images: the corrupted images at each severity.
      paired: whether the clean images are known. For Tiny ImageNet-C they never are.
    """

    clean: Batches
    images: UInt8[np.ndarray, "batches severities samples height width channels"]
    paired: bool


@dataclasses.dataclass(frozen=True)
class OfficialSet:
    """An official corrupted test set. Each use reads it again, because it is too large for memory.

    Attributes:
      name: name of the data set.
      data_dir: folder of prepared data sets that contains it.
      test: the clean test split, in its order.
    """

    name: str
    data_dir: pathlib.Path
    test: Batches

    def corruption(self, name: str, severities: Sequence[int]) -> StoredCorruption:
        """The images under one corruption; at most as many as there are clean ones."""
        where = np.asarray(self.test.where)
        of_test = np.asarray(self.test.labels)[where]
        most = len(of_test)
        sets = [
            load(self.name, "test", corruption=name, severity=severity, data_dir=self.data_dir)
            for severity in severities
        ]
        labels = sets[0][1][:most]
        # A part of an archive need not keep the order of the test images.
        paired = describe(self.name).is_paired and np.array_equal(labels, of_test[: len(labels)])
        size = self.test.labels.shape[1]
        stored = [in_batches(images[:most], labels, size).images for images, _ in sets]
        if paired and len(labels) == most:
            clean = self.test
        elif paired:
            clean = in_batches(np.asarray(self.test.images)[where][: len(labels)], labels, size)
        else:
            shape = (len(labels), *self.test.images.shape[2:])
            clean = in_batches(np.zeros(shape, np.uint8), labels, size)
        return StoredCorruption(clean, np.stack(stored, axis=1), paired)


def corruptions_at_hand(
    dataset: str, *, archives: pathlib.Path | None, **where: Any
) -> tuple[str, ...]:
    """The corruptions of a data set's official corrupted set that are available locally.

    Args:
      dataset: name of the clean data set.
      archives: folder of official archives. If it lacks that of the corrupted set, or is None, a
        prepared data set counts.
      where: the other arguments of `load` that say where prepared data sets are.

    Returns:
      Names of corruptions: empty if nothing is available, and not all if the archive is incomplete.

    Raises:
      DataError: the archive is damaged.
    """
    if dataset not in CORRUPTED:
        return ()
    path = _archive(dataset, archives)
    if path is None:
        return _first_part(dataset, archives=None, **where).prepared_corruptions
    builder: Any = builder_class_of(CORRUPTED[dataset])
    return builder.corruptions_in(path)


def open_official_set(
    dataset: str,
    where: dict[str, Any],
    test: Batches,
) -> OfficialSet:
    """Opens a data set's official corrupted set, and prepares it if it is not prepared yet.

    Args:
      dataset: name of the clean data set.
      where: arguments of `load` that say where archives and prepared data sets are.
      test: the clean test split.

    Raises:
      DataError: the corrupted set is neither prepared nor available.
    """
    builder = _first_part(dataset, **where)
    prepare(builder)
    # Without the archive, so that its checksum is not computed again.
    data_dir = pathlib.Path(builder.data_dir_root)
    return OfficialSet(CORRUPTED[dataset], data_dir, test)


def _archive(dataset: str, archives: pathlib.Path | None) -> pathlib.Path | None:
    """Path of the corrupted set's archive in a folder of archives; None if it is not there."""
    if archives is None:
        return None
    return locate(builder_class_of(CORRUPTED[dataset]).archives(), archives)


def _first_part(dataset: str, *, archives: pathlib.Path | None, **where: Any) -> Any:
    """The builder of one configuration: from the archive, or prepared where there is none."""
    name = CORRUPTED[dataset]
    first = {"corruption": describe(name).corruptions[0], "severity": SEVERITIES[0], **where}
    # A folder with the clean set alone must not hide a corrupted set that was prepared before.
    if archives is not None and _archive(dataset, archives) is None:
        prepared = find_builder(name, archives=None, **first)
        if prepared.is_prepared:
            return prepared
    return find_builder(name, archives=archives, **first)
