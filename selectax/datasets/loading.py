"""Data sets by name, as arrays."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int32, UInt8

from selectax.datasets.archives.archive import DataError
from selectax.datasets.preparation import builder_for, prepare, read, source_of
from selectax.datasets.registry import SEVERITIES, DataSet, describe

if TYPE_CHECKING:  # because TFDS takes long to import, and embedded data sets do not need it
    from selectax.datasets.builders.archive_builder import ArchiveBuilder


def load(
    name: str,
    split: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    archives: str | os.PathLike[str] | None = None,
    allow_unverified_archives: bool = False,
    corruption: str | None = None,
    severity: int | None = None,
) -> tuple[UInt8[np.ndarray, "samples height width channels"], Int32[np.ndarray, "samples"]]:
    """Loads the images and labels of one split, in a fixed order.

    The validation split is taken from the official training set by a fixed rule, which the
    docstring of the data set's builder states. A data set that is not prepared yet is prepared
    first. The digits are embedded and ignore the options.

    Args:
      name: one of `ALL_DATASETS`.
      split: "train", "validation" or "test"; corrupted sets have only "test".
      data_dir: folder for prepared data sets; by default that of tensorflow-datasets.
      archives: folder that contains the official archive under its official name, or an extracted
        copy of it. By default a data set prepared earlier is used, or the archive is downloaded.
      allow_unverified_archives: accept an archive without the official checksum, such as a subset
        or an extracted copy. It is prepared in a folder of its own.
      corruption: corruption of a corrupted set, required; one of `describe(name).corruptions`.
      severity: severity of a corrupted set, 1 to 5, required.

    Returns:
      Images from 0 to 255, and labels.

    Raises:
      ValueError: the name, split, corruption or severity is unknown; or, as `DataError`, the
        archive is missing, damaged, not the official one, or cannot be prepared.

    Example:
      >>> from selectax import datasets
      >>> images, labels = datasets.load("digits", "test")
      >>> images.shape, images.dtype, labels[:3].tolist()
      ((368, 16, 16, 3), dtype('uint8'), [0, 1, 2])
    """
    load_split = _checked(name, split).load_split
    if load_split is not None:
        return load_split(split)
    builder = find_builder(
        name,
        data_dir=data_dir,
        archives=archives,
        allow_unverified_archives=allow_unverified_archives,
        corruption=corruption,
        severity=severity,
    )
    prepare(builder)
    builder.check_has_part()
    return read(builder, split)


def open_source(
    name: str,
    split: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    archives: str | os.PathLike[str] | None = None,
    allow_unverified_archives: bool = False,
) -> Sequence[dict[str, Any]]:
    """Opens the examples {"image", "label"} of one split, each of which is read when indexed.

    Arguments, order and errors are those of `load`.
    """
    load_split = _checked(name, split).load_split
    if load_split is not None:
        images, labels = load_split(split)
        return [{"image": i, "label": label} for i, label in zip(images, labels, strict=True)]
    builder = find_builder(
        name,
        data_dir=data_dir,
        archives=archives,
        allow_unverified_archives=allow_unverified_archives,
    )
    prepare(builder)
    return source_of(builder, split)


def find_builder(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    archives: str | os.PathLike[str] | None = None,
    allow_unverified_archives: bool = False,
    corruption: str | None = None,
    severity: int | None = None,
) -> "ArchiveBuilder":
    """The TFDS builder of a data set, prepared or not; arguments and errors as for `load`."""
    builder_class = builder_class_of(name)
    options = {}
    if describe(name).corruptions:
        options["config"] = _config(name, corruption, severity)
    elif corruption is not None or severity is not None:
        raise ValueError(f"corruption {corruption}: {name} is not corrupted; take {name}_c.")
    return builder_for(
        builder_class,
        data_dir=data_dir,
        archives=archives,
        allow_unverified_archives=allow_unverified_archives,
        **options,
    )


def builder_class_of(name: str) -> "type[ArchiveBuilder]":
    """The class that prepares a data set.

    Raises:
      ValueError: the name is unknown, or the data set is embedded.
    """
    builder = describe(name).builder
    if builder is None:
        raise DataError(f"dataset {name}: is embedded and needs no preparation; omit it.")
    return builder()


def _checked(name: str, split: str) -> DataSet:
    """The entry of a data set that has this split."""
    data_set = describe(name)
    if split not in data_set.splits:
        raise ValueError(f"split {split}: unknown; known are {', '.join(data_set.splits)}.")
    return data_set


def _config(name: str, corruption: str | None, severity: int | None) -> str:
    known = describe(name).corruptions
    if corruption not in known:
        raise ValueError(
            f"corruption {corruption}: unknown in {name}; known are {', '.join(known)}."
        )
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity}: give one of {', '.join(map(str, SEVERITIES))}.")
    return f"{corruption}_{severity}"
