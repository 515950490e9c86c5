"""What is to be done with which data sets, from which the command line is made."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from selectax.datasets import ALL_DATASETS, describe

_PREPARED = tuple(name for name in ALL_DATASETS if not describe(name).is_embedded)
_Names = Annotated[
    tuple[str, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="NAME ...", help=f"Data sets: {', '.join(_PREPARED)}."),
]


@dataclasses.dataclass(frozen=True)
class Where:
    """Where archives come from and prepared data sets go."""

    archives: pathlib.Path | None = None
    """Folder that holds the official archives, or extracted copies of them (which need
    --allow-unverified-archives); by default DATA_DIR/downloads/manual, and what is not there is
    downloaded."""
    data_dir: pathlib.Path | None = None
    """Folder for prepared data sets; by default that of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """Take archives without the official checksum, such as subsets and extracted copies."""


@dataclasses.dataclass(frozen=True)
class WherePrepared(Where):
    """Which prepared data sets are meant."""

    archives: pathlib.Path | None = None
    """Folder of archives or extracted copies: those data sets that were prepared from these. What
    was prepared from unverified archives is kept apart from the official data sets."""
    data_dir: pathlib.Path | None = None
    """Folder for prepared data sets; by default that of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """The archives may have another checksum than the official one, or be extracted copies."""


@dataclasses.dataclass(frozen=True)
class Prepare:
    """Makes data sets out of their archives, unless that was done before."""

    names: _Names
    where: Where = Where()


@dataclasses.dataclass(frozen=True)
class Check:
    """Reads every image of prepared data sets, and verifies numbers, shapes and labels."""

    names: _Names
    where: WherePrepared = WherePrepared()


@dataclasses.dataclass(frozen=True)
class List:
    """Lists the data sets, and which are prepared."""

    where: WherePrepared = WherePrepared()


@dataclasses.dataclass(frozen=True)
class Show:
    """Draws a contact sheet: some images with their classes."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Data set."""
    split: str = "test"
    """Split: train, validation or test; corrupted sets have test alone."""
    images: int = 40
    """Number of images, the first ones of the split. Of a corrupted set, one image is drawn at
    each corruption and severity."""
    output: pathlib.Path | None = None
    """The PNG file, which must not exist; by default NAME.png."""
    where: Where = Where()

    @property
    def sheet(self) -> pathlib.Path:
        """The PNG file."""
        return self.output or pathlib.Path(f"{self.name}.png")


Command = (
    Annotated[Prepare, tyro.conf.subcommand("prepare")]
    | Annotated[Check, tyro.conf.subcommand("check")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Show, tyro.conf.subcommand("show")]
)


def check(command: Command, *, images_given: bool) -> None:
    """Refuses flags without effect, and to replace a file.

    Args:
      command: what to do.
      images_given: whether the command line has the flag --images.

    Raises:
      ValueError: one sentence that names the flag.
    """
    where = command.where
    if where.allow_unverified_archives and where.archives is None:
        raise ValueError(
            "--allow-unverified-archives: has no effect without --archives; name their folder, or "
            "omit it."
        )
    if not isinstance(command, Show):
        return
    data_set = describe(command.name)
    given = {
        f"--archives {where.archives}": where.archives is not None,
        f"--data-dir {where.data_dir}": where.data_dir is not None,
    }
    for flag, is_given in given.items():
        if is_given and data_set.is_embedded:
            raise ValueError(
                f"{flag}: has no effect with {command.name}, which are embedded; omit it."
            )
    if images_given and data_set.corruptions:
        raise ValueError(
            f"--images {command.images}: has no effect with {command.name}, of which one image is "
            "drawn at each corruption and severity; omit it."
        )
    if command.images < 1:
        raise ValueError(f"--images {command.images}: give a whole number of at least 1.")
    if not command.sheet.parent.is_dir():
        raise ValueError(
            f"--output {command.sheet}: {command.sheet.parent} is no folder; make it, or name "
            "another file."
        )
    if command.sheet.exists():
        raise ValueError(
            f"--output {command.sheet}: exists already; name another file, or remove it."
        )
