"""Corrupted test sets: one configuration for each corruption and severity, prepared together."""

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from selectax.datasets.archives.archive import DataError
from selectax.datasets.builders.archive_builder import ArchiveBuilder
from selectax.datasets.registry import SEVERITIES, describe


@dataclasses.dataclass(eq=False, kw_only=True)
class CorruptionConfig(tfds.core.BuilderConfig):
    """One corruption at one severity."""

    corruption: str
    severity: int


def corruption_configs(name: str) -> list[CorruptionConfig]:
    """The configurations of a corrupted data set, such as "fog_3"."""
    return [
        CorruptionConfig(
            name=f"{corruption}_{severity}",
            description=f"Corruption {corruption} at severity {severity} of 1 to 5.",
            corruption=corruption,
            severity=severity,
        )
        for corruption in describe(name).corruptions
        for severity in SEVERITIES
    ]


class CorruptedBuilder(ArchiveBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Test images under corruptions; a corruption and a severity must be named.

    The archive is read once. All configurations are written and moved into place together, so that
    a damaged archive leaves no partial data set.
    """

    BUILDER_CONFIGS: ClassVar[list[CorruptionConfig]]

    def __init__(self, *, config: str | CorruptionConfig | None = None, **options):
        """Requires a configuration, because no corruption is a sensible default."""
        if config is None:
            example = self.BUILDER_CONFIGS[-1]
            raise DataError(
                f"{self.name}: names no corruption and severity; "
                f'choose one, such as "{self.name}/{example.name}", of the corruptions '
                f"{', '.join(describe(self.name).corruptions)}."
            )
        self._contents: Mapping[str, Any] | None = None
        super().__init__(config=config, **options)

    @classmethod
    def corruptions_in(cls, path: pathlib.Path) -> tuple[str, ...]:
        """The corruptions in an archive or an extracted folder, in the order of its entry.

        Raises:
          DataError: the archive is damaged.
        """
        raise NotImplementedError

    @property
    def prepared_corruptions(self) -> tuple[str, ...]:
        """The corruptions that were prepared: not all of them if the archive was incomplete."""
        folder = pathlib.Path(self.data_dir_root) / self.name
        return tuple(
            corruption
            for corruption in describe(self.name).corruptions
            if any(
                (folder / f"{corruption}_{severity}" / str(self.version)).exists()
                for severity in SEVERITIES
            )
        )

    @property
    def is_prepared(self) -> bool:
        """Whether any configuration was prepared; all that an archive contains are together."""
        return bool(self.prepared_corruptions)

    def check_has_part(self) -> None:
        """Checks that the archive contained this configuration when it was prepared.

        Raises:
          DataError: it did not; the message names the corruptions that were prepared.
        """
        there = self.prepared_corruptions
        if there and self.builder_config.corruption not in there:
            raise DataError(
                f"{pathlib.Path(self.data_dir_root) / self.name}: was prepared from a part of "
                f"{self.ARCHIVE.name} that holds no {self.builder_config.corruption}; choose of "
                f"{', '.join(there)}, or get a new copy."
            )

    def _read_contents(self, path: pathlib.Path) -> Mapping[str, Any]:
        """Where the images of each corruption are in the archive; no image is read.

        Raises:
          DataError: the archive is damaged or not the one that its authors published.
        """
        raise NotImplementedError

    def _generate_examples(self, path: pathlib.Path, contents: Any) -> Iterator[tuple[int, dict]]:
        """Images and labels of this builder's configuration."""
        raise NotImplementedError

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        path = self.find_archive(dl_manager)
        if self._contents is None:
            self._contents = self._read_contents(path)
        return {"test": self._generate_examples(path, self._contents)}

    def download_and_prepare(
        self,
        *,
        download_dir: str | os.PathLike[str] | None = None,
        download_config: tfds.download.DownloadConfig | None = None,
        **options,
    ) -> None:
        """Prepares all configurations that the archive contains.

        Arguments are those of tfds.core.DatasetBuilder. TFDS prepares one configuration at a time,
        which would read a large archive 75 times, and has no public function for several; see
        https://github.com/tensorflow/datasets/blob/master/tensorflow_datasets/core/dataset_builder.py.
        """
        if self.is_prepared:
            return
        manager = self._make_download_manager(
            download_dir=download_dir,
            download_config=download_config or tfds.download.DownloadConfig(),
        )
        archive = self.find_archive(manager)
        contents = self._read_contents(archive)
        root = pathlib.Path(self.data_dir_root)
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{self.name}.incomplete.", dir=root) as folder:
            for config in self.BUILDER_CONFIGS:
                if config.corruption not in contents:
                    continue
                builder = type(self)(config=config, data_dir=folder, archive_path=archive)
                builder._contents = contents
                super(CorruptedBuilder, builder).download_and_prepare(
                    download_config=download_config, **options
                )
            # Fails if another process has finished first; its result is the same.
            os.rename(pathlib.Path(folder) / self.name, root / self.name)
        if self.data_path.exists():
            self.info.read_from_directory(self.data_dir)
