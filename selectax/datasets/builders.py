"""Data sets that TFDS prepares from an official archive, once, without TensorFlow."""

import itertools
import pathlib
from typing import ClassVar

import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from selectax.datasets.archives import Archive, DataError
from selectax.datasets.records import write_examples


class ArchiveBuilder(  # type: ignore[call-arg]  # TFDS, which has no types, takes it
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A data set of images and labels from one archive.

    Examples keep the order in which they are generated.
    """

    ARCHIVE: ClassVar[Archive]
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, archive_path: pathlib.Path | None = None, **options):
        """Takes the archive at a path, or else downloads it once it is needed."""
        self._archive_path = archive_path and pathlib.Path(archive_path)
        super().__init__(**{"file_format": "array_record", **options})

    @property
    def url_infos(self) -> dict[str, UrlInfo]:
        """The checksum that TFDS compares a download with."""
        archive = self.ARCHIVE
        if archive.sha256 is None:
            return {}
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
            if not self._is_downloaded(downloads):
                # Without a connection this fails at once; TFDS would try for minutes.
                requests.head(url, timeout=10)
            return pathlib.Path(dl_manager.download(url))
        except (
            requests.RequestException,
            tfds.download.DownloadError,
            NonMatchingChecksumError,
        ) as error:
            # TFDS takes a file put there only for its checksum.
            remedy = (
                f"put it into {downloads / 'manual'}, or name its folder by --archives"
                if self.ARCHIVE.sha256
                else "name its folder by --archives, with --allow-unverified-archives"
            )
            raise DataError(
                f"{self.ARCHIVE.name} could not be downloaded from {url} "
                f"({type(error).__name__}); fetch it otherwise and {remedy}."
            ) from error

    def _is_downloaded(self, downloads: pathlib.Path) -> bool:
        """Whether TFDS will find the archive among what it or the user put there."""
        by_tfds = downloads.rglob("*.INFO")
        return (downloads / "manual" / self.ARCHIVE.name).is_file() or any(
            self.ARCHIVE.url in info.read_text() for info in by_tfds
        )

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
