"""Data sets that TFDS prepares once from an official archive, without TensorFlow.

https://www.tensorflow.org/datasets/add_dataset describes what a builder must and may define. Every
other override states its reason.
"""

import itertools
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
        """Does nothing, because TFDS's bucket contains only the data sets of TFDS.

        Otherwise TFDS creates a temporary folder for each builder and never removes it; see
        `initialize_from_bucket` in
        https://github.com/tensorflow/datasets/blob/master/tensorflow_datasets/core/dataset_info.py.
        """


class ArchiveBuilder(  # type: ignore[call-arg]  # TFDS, which has no types, takes it
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A data set of images and labels from one archive.

    Examples keep the order in which they are generated.

    Attributes:
      ARCHIVE: the official archive.
      OTHER_ARCHIVES: further archives that contain the same images in the same order.
    """

    ARCHIVE: ClassVar[Archive]
    OTHER_ARCHIVES: ClassVar[tuple[Archive, ...]] = ()
    VERSION = tfds.core.Version("1.0.0")
    # TFDS offers `dl_manager.manual_dir` only to data sets that have instructions.
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put the official archive into this folder."

    def __init__(self, *, archive_path: pathlib.Path | None = None, **options):
        """Uses the archive or extracted folder at a path, or downloads the archive."""
        self._archive_path = archive_path and pathlib.Path(archive_path).expanduser()
        super().__init__(**{"file_format": "array_record", **options})

    @classmethod
    def archives(cls) -> tuple[Archive, ...]:
        """All archives of this data set, the official one first."""
        return cls.ARCHIVE, *cls.OTHER_ARCHIVES

    @property
    def is_prepared(self) -> bool:
        """Whether the data set, or some part of a corrupted one, was prepared before."""
        return self.data_path.exists()

    def check_has_part(self) -> None:
        """Checks that the archive contained this configuration; data sets without any pass.

        Raises:
          DataError: it did not.
        """

    @property
    def url_infos(self) -> dict[str, UrlInfo]:
        """The checksum with which TFDS compares a download.

        TFDS reads it from a file `checksums.tsv` by default. Here it is that of `ARCHIVE`, which
        archives from the user are compared with, too; see
        https://www.tensorflow.org/datasets/add_dataset.
        """
        archive = self.ARCHIVE
        if archive.sha256 is None:
            return {}
        return {archive.url: UrlInfo(archive.size, archive.sha256, archive.name)}

    def find_archive(self, dl_manager: tfds.download.DownloadManager) -> pathlib.Path:
        """Path of the archive or of an extracted copy.

        It is the path that was given, or one in TFDS's folder for manual downloads; otherwise the
        archive is downloaded.

        Raises:
          DataError: the archive cannot be downloaded, or is not the official one.
        """
        if self._archive_path is not None:
            return self._archive_path
        downloads = pathlib.Path(dl_manager.download_dir).expanduser()
        try:
            manual = pathlib.Path(dl_manager.manual_dir).expanduser()
        except AssertionError:  # the folder does not exist, or is empty
            manual = downloads / "manual"
        if (found := locate(self.archives(), manual)) is not None:
            return self._verified(found)
        url = self.ARCHIVE.url
        try:
            if not self._is_downloaded(downloads):
                # This fails at once without a connection, while TFDS retries for minutes.
                requests.head(url, timeout=10)
            path = pathlib.Path(dl_manager.download(url))
        except (
            requests.RequestException,
            tfds.download.DownloadError,
            NonMatchingChecksumError,
        ) as error:
            remedy = (
                f"put it into {manual}, or name its folder by --archives"
                if self.ARCHIVE.sha256 or self.ARCHIVE.md5
                else "name its folder by --archives, with --allow-unverified-archives"
            )
            raise DataError(
                f"{self.ARCHIVE.name} could not be downloaded from {url} "
                f"({type(error).__name__}); fetch it otherwise and {remedy}."
            ) from error
        # TFDS compares only SHA-256.
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

    def _is_downloaded(self, downloads: pathlib.Path) -> bool:
        """Whether TFDS will find the archive among its downloads."""
        by_tfds = downloads.rglob("*.INFO")
        return any(self.ARCHIVE.url in info.read_text() for info in by_tfds)

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig,
    ) -> None:
        """Writes each split into one file, in the order of its examples.

        TFDS's own writer is slower and keeps a whole split in memory (see `records`), and TFDS has
        no public option for another one; see
        https://github.com/tensorflow/datasets/blob/master/tensorflow_datasets/core/writer.py.
        """
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
