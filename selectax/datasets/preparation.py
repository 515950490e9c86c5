"""Prepares data sets, and reads prepared ones."""

import contextlib
import io
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int32, UInt8

from selectax.datasets.archives.archive import Archive, DataError, find, is_official, sha256

if TYPE_CHECKING:  # because TFDS takes long to import, and embedded data sets do not need it
    from selectax.datasets.builders.archive_builder import ArchiveBuilder

# What TFDS and its readers raise.
_DAMAGE = (AssertionError, AttributeError, KeyError, RuntimeError, ValueError, OSError)
DAMAGED = "{}: the prepared data set is damaged; remove this folder."


def builder_for(
    builder_class: "type[ArchiveBuilder]",
    *,
    data_dir: str | os.PathLike[str] | None,
    archives: str | os.PathLike[str] | None,
    allow_unverified_archives: bool,
    **options,
) -> "ArchiveBuilder":
    """The builder of a data set from the official archive, or from the one that the user gives.

    Raises:
      DataError: the archive does not exist, or is not the official one.
    """
    options["data_dir"] = data_dir
    if archives is not None:
        known = builder_class.archives()
        path = find(known, archives)
        options["archive_path"] = path
        if not is_official(path, known):
            if not allow_unverified_archives:
                raise DataError(_unverified(path, known[0]))
            # In a folder of its own, because it must never be mistaken for the official data set.
            root = pathlib.Path(builder_class(**options).data_dir_root)
            options["data_dir"] = root / f"unverified_{sha256(path)[:12]}"
    return builder_class(**options)


def _unverified(path: pathlib.Path, official: Archive) -> str:
    if path.is_dir():
        return (
            f"{path}: is a folder, which has no checksum to compare with the official archive's; "
            "take it as it is with --allow-unverified-archives."
        )
    if official.sha256:
        known = f"the official archive's is {official.sha256}"
    elif official.md5:
        known = f"the official archive's MD5, {official.md5}, is another one"
    else:
        known = "the official archive's is not known"
    return (
        f"{path}: its SHA-256 is {sha256(path)}, {known}; get that from {official.url} "
        "or take this one as it is with --allow-unverified-archives."
    )


def prepare(builder: "ArchiveBuilder") -> None:
    """Prepares a data set if it is not prepared yet.

    Preparation is atomic, so that several processes may prepare the same data set at once.

    Raises:
      DataError: the data set cannot be prepared; no partial data set is left.
    """
    if builder.is_prepared:
        return
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        # TFDS prints to stdout, on purpose and with no option against it:
        # https://github.com/tensorflow/datasets/blob/v4.9.10/tensorflow_datasets/core/dataset_builder.py
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    except OSError as error:
        # Another process may have finished first and moved the same data into place.
        if not builder.is_prepared:
            raise DataError(
                f"--data-dir {builder.data_dir_root}: cannot be written "
                f"({error.strerror or error}); name another folder."
            ) from error
        if builder.data_path.exists():
            builder.info.read_from_directory(builder.data_dir)


def read(
    builder: "ArchiveBuilder", split: str
) -> tuple[UInt8[np.ndarray, "samples height width channels"], Int32[np.ndarray, "samples"]]:
    """Images and labels of one split of a prepared data set.

    Raises:
      DataError: files are missing or damaged.
    """
    try:
        source = source_of(builder, split)
        images = np.empty((len(source), *builder.info.features["image"].shape), np.uint8)
        labels = np.empty(len(source), np.int32)
        for index, example in enumerate(source):
            images[index], labels[index] = example["image"], example["label"]
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(DAMAGED.format(builder.data_dir)) from error
    return images, labels


def source_of(builder: "ArchiveBuilder", split: str) -> Sequence[dict[str, Any]]:
    """Examples of one split of a prepared data set, by index.

    Raises:
      DataError: files are missing or damaged.
    """
    try:
        return builder.as_data_source(split)
    except _DAMAGE as error:
        raise DataError(DAMAGED.format(builder.data_dir)) from error
