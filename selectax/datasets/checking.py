"""Checks a prepared data set by reading every record and decoding every image."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from selectax.datasets.archives.archive import DataError
from selectax.datasets.builders.archive_builder import ArchiveBuilder
from selectax.datasets.builders.corrupted import CorruptedBuilder
from selectax.datasets.preparation import DAMAGED, read
from selectax.datasets.registry import describe


class Checked(NamedTuple):
    """What was found in a part of a data set.

    Attributes:
      part: a split, or a corruption and severity.
      images: number of images.
      classes: number of classes among the labels.
      smallest_class: number of images in the smallest of these classes.
      largest_class: number of images in the largest class.
      mean: mean of all pixels, from 0 to 255.
    """

    part: str
    images: int
    classes: int
    smallest_class: int
    largest_class: int
    mean: float


def check(builder: ArchiveBuilder) -> Iterator[Checked]:
    """Reads every image of a prepared data set, split by split.

    The parts of a corrupted set are its corruptions and severities; only those that were prepared
    are read.

    Raises:
      DataError: a part is not prepared, or its images differ in number, shape, type or labels from
        its description.
    """
    corrupted = isinstance(builder, CorruptedBuilder)
    for config in _configurations(builder):
        options: dict[str, Any] = {"config": config} if corrupted else {}
        part = type(builder)(data_dir=builder.data_dir_root, **options)
        if not part.data_path.exists():
            raise DataError(f"{part.data_path}: is not prepared; prepare {builder.name} first.")
        for split in part.info.splits:
            yield _check_split(part, split, config or split)


def _configurations(builder: ArchiveBuilder) -> list[str | None]:
    if not isinstance(builder, CorruptedBuilder):
        return [None]
    # If none is prepared, the error names the first one.
    there = builder.prepared_corruptions or describe(builder.name).corruptions
    return [config.name for config in builder.BUILDER_CONFIGS if config.corruption in there]


def _check_split(builder: ArchiveBuilder, split: str, part: str) -> Checked:
    images, labels = read(builder, split)
    features = builder.info.features
    right = (
        len(images) == builder.info.splits[split].num_examples > 0
        and images.shape[1:] == features["image"].shape
        and 0 <= labels.min() <= labels.max() < features["label"].num_classes
    )
    if not right:
        raise DataError(DAMAGED.format(builder.data_dir))
    counts = np.bincount(labels)
    return Checked(
        part,
        images=len(images),
        classes=int(np.sum(counts > 0)),
        smallest_class=int(counts[counts > 0].min()),
        largest_class=int(counts.max()),
        mean=float(images.mean()),
    )
