"""Data sets that TFDS prepares from an official archive, once, without TensorFlow."""

import itertools
import os
import pathlib
import warnings
from typing import ClassVar

import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from selectax.datasets.archives.archive import Archive, DataError, is_official, locate
from selectax.datasets.builders.records import write_examples


class DatasetInfo(tfds.core.DatasetInfo):
    """TFDS's description of a data set, for data sets that TFDS itself does not know."""

    def initialize_from_bucket(self) -> None:
        """Does nothing, because TFDS's bucket holds only its own data sets.

        TFDS would create a temporary folder for its copy and never remove it.
        """


class ArchiveBuilder(  # type: ignore[call-arg]  # TFDS, which has no types, takes it
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A data set of images and labels from one archive.

    Examples keep the order in which they are generated.
    """

    ARCHIVE: ClassVar[Archive]
    # Further archives that hold the same images in the same order.
    OTHER_ARCHIVES: ClassVar[tuple[Archive, ...]] = ()
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, archive_path: pathlib.Path | None = None, **options):
        """Takes the archive or extracted folder at a path, or else downloads the archive."""
        self._archive_path = archive_path and pathlib.Path(archive_path).expanduser()
        super().__init__(**{"file_format": "array_record", **options})

    @classmethod
    def archives(cls) -> tuple[Archive, ...]:
        """All archives of this data set, the official one first."""
        return cls.ARCHIVE, *cls.OTHER_ARCHIVES

    @property
    def is_prepared(self) -> bool:
        """Whether the data set, or of a corrupted one some part, was prepared before."""
        return self.data_path.exists()

    @property
    def url_infos(self) -> dict[str, UrlInfo]:
        """The checksum that TFDS compares a download with."""
        archive = self.ARCHIVE
        if archive.sha256 is None:
            return {}
        return {archive.url: UrlInfo(archive.size, archive.sha256, archive.name)}

    def find_archive(self, dl_manager: tfds.download.DownloadManager) -> pathlib.Path:
        """Path of the archive or of an extracted copy: as given, in TFDS's folders, or downloaded.

        Raises:
          DataError: if it cannot be downloaded, or is another one than the official.
        """
        if self._archive_path is not None:
            return self._archive_path
        if (manual := locate(self.archives(), self._manual)) is not None:
            return self._verified(manual)
        url = self.ARCHIVE.url
        try:
            if not self._is_downloaded():
                # Without a connection this fails at once; TFDS would try for minutes.
                requests.head(url, timeout=10)
            path = pathlib.Path(dl_manager.download(url))
        except (
            requests.RequestException,
            tfds.download.DownloadError,
            NonMatchingChecksumError,
        ) as error:
            remedy = (
                f"put it into {self._manual}, or name its folder by --archives"
                if self.ARCHIVE.sha256 or self.ARCHIVE.md5
                else "name its folder by --archives, with --allow-unverified-archives"
            )
            raise DataError(
                f"{self.ARCHIVE.name} could not be downloaded from {url} "
                f"({type(error).__name__}); fetch it otherwise and {remedy}."
            ) from error
        # TFDS compares SHA-256 alone.
        return path if self.ARCHIVE.sha256 or not self.ARCHIVE.md5 else self._verified(path)

    def _verified(self, path: pathlib.Path) -> pathlib.Path:
        if path.is_dir():
            warnings.warn(
                f"{path}: is a folder, which has no checksum to compare; it is taken as it is.",
                stacklevel=2,
            )
        elif not is_official(path, self.archives()):
            raise DataError(
                f"{path}: its checksum is not that of the official archive; get that from "
                f"{self.ARCHIVE.url}, or name this one's folder by --archives, with "
                "--allow-unverified-archives."
            )
        return path

    def _make_download_manager(
        self,
        download_dir: str | os.PathLike[str] | None,
        download_config: tfds.download.DownloadConfig,
    ) -> tfds.download.DownloadManager:
        """Notes where downloads and files put there by hand are."""
        downloads = download_dir or pathlib.Path(self.data_dir_root) / "downloads"
        self._downloads = pathlib.Path(downloads).expanduser()
        manual = download_config.manual_dir or self._downloads / "manual"
        self._manual = pathlib.Path(manual).expanduser()
        return super()._make_download_manager(download_dir, download_config)

    def _is_downloaded(self) -> bool:
        """Whether TFDS will find the archive among its downloads."""
        by_tfds = self._downloads.rglob("*.INFO")
        return any(self.ARCHIVE.url in info.read_text() for info in by_tfds)

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig,
    ) -> None:
        """Writes each split into one file, in the order of its examples."""
        splits = []
        for name, generator in self._split_generators(dl_manager).items():
            template = self._get_filename_template(split_name=name)
            examples = itertools.islice(generator, download_config.max_examples_per_split)
            count, size = write_examples(
                template.sharded_filepath(shard_index=0, num_shards=1),
                (example for _, example in examples),
            )
            splits.append(
                tfds.core.SplitInfo(
                    name=name, shard_lengths=[count], num_bytes=size, filename_template=template
                )
            )
        self.info.set_splits(tfds.core.splits.SplitDict(splits))
