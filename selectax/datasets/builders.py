"""Data sets that TFDS prepares from an official archive, once, without TensorFlow."""

import contextlib
import io
import os
import pathlib
import sys
from typing import ClassVar

import numpy as np
import requests
import tensorflow_datasets as tfds
from jaxtyping import Int32, UInt8
from tensorflow_datasets.core.download.checksums import UrlInfo
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from selectax.datasets.archives import Archive, DataError, find, sha256


class ArchiveBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A data set of images and labels from one archive.

    Examples keep the order in which they are generated.
    """

    ARCHIVE: ClassVar[Archive]

    def __init__(self, *, archive_path: pathlib.Path | None = None, **options):
        """Takes the archive at a path, or else downloads it once it is needed."""
        self._archive_path = archive_path
        super().__init__(file_format="array_record", **options)

    @property
    def url_infos(self) -> dict[str, UrlInfo]:
        """The checksum that TFDS compares a download with."""
        archive = self.ARCHIVE
        return {archive.url: UrlInfo(archive.size, archive.sha256, archive.name)}

    def find_archive(self, dl_manager: tfds.download.DownloadManager) -> pathlib.Path:
        """Path of the archive, downloaded if need be.

        Raises:
          DataError: if it cannot be downloaded.
        """
        if self._archive_path is not None:
            return self._archive_path
        url = self.ARCHIVE.url
        downloads = pathlib.Path(self.data_dir_root) / "downloads"
        try:
            if not any(path.is_file() for path in downloads.rglob("*")):
                # Without a connection this fails at once; TFDS would try for minutes.
                requests.get(url, stream=True, timeout=10).close()
            return pathlib.Path(dl_manager.download(url))
        except (
            requests.RequestException,
            tfds.download.DownloadError,
            NonMatchingChecksumError,
        ) as error:
            raise DataError(
                f"{self.ARCHIVE.name} could not be downloaded from {url} "
                f"({type(error).__name__}); fetch it otherwise and name its folder by --archives."
            ) from error


def load(
    builder_class: type[ArchiveBuilder],
    split: str,
    *,
    data_dir: str | os.PathLike[str] | None,
    archives: str | os.PathLike[str] | None,
    allow_unverified_archives: bool,
) -> tuple[UInt8[np.ndarray, "samples height width channels"], Int32[np.ndarray, "samples"]]:
    """Images and labels of one split; prepares the data set if need be."""
    options = {"data_dir": data_dir}
    if archives is not None:
        path = find(builder_class.ARCHIVE, archives)
        options["archive_path"] = path
        if (checksum := sha256(path)) != builder_class.ARCHIVE.sha256:
            if not allow_unverified_archives:
                raise DataError(
                    f"{path}: its SHA-256 is {checksum}, the official archive's is "
                    f"{builder_class.ARCHIVE.sha256}; get that from {builder_class.ARCHIVE.url} "
                    "or take this one as it is with --allow-unverified-archives."
                )
            # Apart from the official archive, for which a subset must never be taken.
            everything = pathlib.Path(builder_class(data_dir=data_dir).data_dir_root)
            options["data_dir"] = everything / f"unverified_{checksum[:12]}"
    builder = builder_class(**options)
    if not builder.data_path.exists():
        _prepare(builder)
        builder = builder_class(**options)
    try:
        examples = list(builder.as_data_source(split))
    except (AssertionError, KeyError, RuntimeError, ValueError, OSError) as error:
        raise DataError(
            f"{builder.data_dir}: the prepared data set is damaged; remove this folder."
        ) from error
    images = np.stack([example["image"] for example in examples])
    return images, np.array([example["label"] for example in examples], np.int32)


def _prepare(builder: ArchiveBuilder) -> None:
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    except OSError as error:
        # Another process may have been faster, and moved the same data into place.
        if not builder.data_path.exists():
            raise DataError(
                f"--data-dir {builder.data_dir_root}: cannot be written "
                f"({error.strerror or error}); name another folder."
            ) from error
