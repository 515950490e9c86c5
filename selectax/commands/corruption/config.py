"""The options of `selectax corrupt`, from which its command line is made, and their checks."""

import dataclasses
import os
from pathlib import Path
from typing import Literal

from selectax.arguments.names import unknown
from selectax.datasets import DATASETS, SPLITS
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import LogOptions

_TOLD = LogOptions()


@dataclasses.dataclass(frozen=True)
class CorruptConfig:
    """Corrupts images as CIFAR-10-C, Tiny ImageNet-C and ImageNet-C were made.

    A folder of images gives a folder like ImageNet-C; an .npy file or a data set gives .npy files
    like CIFAR-10-C's. If the command is interrupted, run it again to continue. Images with an alpha
    channel are composited onto white, 16-bit images are scaled to 8 bits, and the orientation in
    EXIF is applied.
    """

    input: str
    """Folder of images, .npy file (uint8, NHWC, three channels), or data set: {data_sets}."""
    output: Path | None = None
    """Output folder; by default the name of the input and -C."""
    corruptions: tuple[str, ...] | None = None
    """Names of corruptions, by default all: {corruptions}."""
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Severities, from 1 to 5."""
    benchmark: Literal["cifar10", "tiny_imagenet", "imagenet"] = "cifar10"
    """Benchmark whose severities to use: made for images of 32, 64 or 224 pixels a side."""
    seed: int = 0
    """Seed of the random corruptions."""
    split: str = "test"
    """Split of the data set: train, validation or test."""
    archives: Path | None = None
    """Folder that holds the data set's official archive."""
    data_dir: Path | None = None
    """Folder of prepared data sets; by default the one of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """Accept archives without the official checksum, such as subsets."""
    sheet: Path | None = None
    """PNG file; draws only the first image, at each corruption and severity, into this file."""
    log: LogOptions = _TOLD

    @property
    def folder(self) -> Path:
        """The output folder."""
        if self.output is not None:
            return self.output
        if not Path(self.input).exists():
            return Path(f"{self.input}-C")
        # "." and ".." get their names here. Symbolic links keep theirs.
        source = Path(os.path.abspath(self.input))
        return source.parent / f"{source.stem}-C"


def check(config: CorruptConfig) -> None:
    """Refuses invalid options, before any work.

    Raises:
      ConfigurationError: one sentence that names the flag, the value and the remedy.
    """
    # Imported here, because they load JAX and TFDS.
    from selectax.corruptions import CORRUPTIONS

    corruptions = tuple(CORRUPTIONS) if config.corruptions is None else config.corruptions
    for flag, values in (
        ("--corruptions", corruptions),
        ("--severities", config.severities),
    ):
        if not values:
            raise ConfigurationError(f"{flag} is empty: give at least one value.")
        if len(set(values)) < len(values):
            given = " ".join(str(value) for value in values)
            raise ConfigurationError(f"{flag} {given}: give each value once.")
    for name in corruptions:
        if name not in CORRUPTIONS:
            raise ConfigurationError(_unknown("--corruptions", name, CORRUPTIONS))
    for severity in config.severities:
        if not 1 <= severity <= 5:
            raise ConfigurationError(f"--severities {severity}: give whole numbers from 1 to 5.")
    if not 0 <= config.seed < 2**32:
        raise ConfigurationError(f"--seed {config.seed}: give a whole number from 0 to 4294967295.")
    if config.split not in SPLITS:
        raise ConfigurationError(_unknown("--split", config.split, SPLITS))
    if not Path(config.input).exists() and config.input not in DATASETS:
        raise ConfigurationError(
            f"--input {config.input}: no such folder, file or data set; name a folder of images, "
            f"an .npy file, or one of {', '.join(DATASETS)}."
        )
    _check_effects(config)
    if config.sheet is not None and config.sheet.suffix != ".png":
        raise ConfigurationError(f"--sheet {config.sheet}: name a file that ends in .png.")
    if config.sheet is not None and config.sheet.exists():
        raise ConfigurationError(
            f"--sheet {config.sheet}: exists already; remove it, or choose another name."
        )
    flag, place = ("--sheet", config.sheet) if config.sheet else ("--output", config.folder)
    folder = place.parent if config.sheet else place
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise ConfigurationError(f"{flag} {place}: cannot be written; choose another place.")


def _check_effects(config: CorruptConfig) -> None:
    """Refuses flags that have no effect with the input or with a sheet."""
    is_data_set = not Path(config.input).exists()
    has_archive = is_data_set and not DATASETS[config.input].is_embedded
    without = {
        f"--split {config.split}": config.split != CorruptConfig.split and not is_data_set,
        f"--archives {config.archives}": config.archives is not None and not has_archive,
        f"--data-dir {config.data_dir}": config.data_dir is not None and not has_archive,
        "--allow-unverified-archives": config.allow_unverified_archives and not has_archive,
    }
    for flag, has_no_effect in without.items():
        if has_no_effect:
            kind = "data set" if flag.startswith("--split") else "data set that has an archive"
            raise ConfigurationError(
                f"{flag}: has no effect with --input {config.input}; omit it, or name a {kind}."
            )
    if config.sheet is not None and config.output is not None:
        raise ConfigurationError(
            f"--output {config.output}: has no effect with --sheet {config.sheet}, which is all "
            "that is written; omit one of them."
        )


def _unknown(flag, name, known):
    return unknown(f"{flag} {name}", name, known)
