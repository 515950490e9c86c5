"""Corrupted test sets: a configuration for each corruption and severity, all prepared at once."""

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
    """The configurations of a corrupted data set, "fog_3" and its kin."""
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
    """Test images under corruptions, of which one must be named.

    The archive is looked through once, and all configurations are written and moved into place
    together: an archive that turns out to be damaged leaves nothing.
    """

    BUILDER_CONFIGS: ClassVar[list[CorruptionConfig]]

    def __init__(self, *, config: str | CorruptionConfig | None = None, **options):
        """Takes a configuration, for without one there is no sensible data set."""
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
        """The corruptions that an archive or an extracted folder holds, in the known order.

        Raises:
          DataError: it is damaged.
        """
        raise NotImplementedError

    @property
    def prepared_corruptions(self) -> tuple[str, ...]:
        """The corruptions that were prepared, which are fewer if the archive was a part."""
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
        """Whether any configuration was prepared, since all that an archive holds are at once."""
        return bool(self.prepared_corruptions)

    def check_has_part(self) -> None:
        """Refuses a configuration that the prepared archive did not hold.

        Raises:
          DataError: it names the corruptions that there are.
        """
        there = self.prepared_corruptions
        if there and self.builder_config.corruption not in there:
            raise DataError(
                f"{pathlib.Path(self.data_dir_root) / self.name}: was prepared from a part of "
                f"{self.ARCHIVE.name} that holds no {self.builder_config.corruption}; choose of "
                f"{', '.join(there)}, or get a new copy."
            )

    def _read_contents(self, path: pathlib.Path) -> Mapping[str, Any]:
        """What the archive holds of each corruption that is there, without the images.

        Raises:
          DataError: it is damaged or not what its authors published.
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
        """Prepares all configurations that the archive holds.

        Arguments are those of tfds.core.DatasetBuilder.
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
            # Fails if another process was faster, whose result is as good.
            os.rename(pathlib.Path(folder) / self.name, root / self.name)
        if self.data_path.exists():
            self.info.read_from_directory(self.data_dir)
