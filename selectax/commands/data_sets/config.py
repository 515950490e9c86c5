"""The tasks of `selectax data` and their options, from which its command line is made."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from selectax.datasets import describe

_Names = Annotated[
    tuple[str, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="NAME ..."),
]


@dataclasses.dataclass(frozen=True)
class Where:
    """Where archives come from, and where prepared data sets go."""

    archives: pathlib.Path | None = None
    """Folder of the official archives, or of extracted copies (which need
    --allow-unverified-archives); by default DATA_DIR/downloads/manual. Archives that are not there
    are downloaded."""
    data_dir: pathlib.Path | None = None
    """Folder of prepared data sets; by default the one of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """Accept archives without the official checksum, such as subsets and extracted copies."""


@dataclasses.dataclass(frozen=True)
class WherePrepared(Where):
    """Where the prepared data sets are."""

    archives: pathlib.Path | None = None
    """Folder of archives or extracted copies that the data sets were prepared from. Data sets from
    unverified archives are kept apart from the official ones."""
    data_dir: pathlib.Path | None = None
    """Folder of prepared data sets; by default the one of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """Accept archives without the official checksum, or extracted copies."""


@dataclasses.dataclass(frozen=True)
class Prepare:
    """Prepares data sets from their archives, unless they are prepared already."""

    names: _Names
    """Data sets: {archived_data_sets}."""
    where: Where = Where()


@dataclasses.dataclass(frozen=True)
class Check:
    """Reads every image of prepared data sets, and checks counts, shapes and labels."""

    names: _Names
    """Data sets: {archived_data_sets}."""
    where: WherePrepared = WherePrepared()


@dataclasses.dataclass(frozen=True)
class List:
    """Lists all data sets, and where they are prepared."""

    where: WherePrepared = WherePrepared()


@dataclasses.dataclass(frozen=True)
class Show:
    """Draws a contact sheet: some images with their classes."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Name of a data set."""
    split: str = "test"
    """Split: train, validation or test; corrupted data sets have only test."""
    images: int = 40
    """Draws the first N images of the split. Of a corrupted data set, draws one image at each
    corruption and severity."""
    output: pathlib.Path | None = None
    """PNG file, which must not exist; by default NAME.png."""
    where: Where = Where()

    @property
    def sheet(self) -> pathlib.Path:
        """The PNG file."""
        return self.output or pathlib.Path(f"{self.name}.png")


Command = Prepare | Check | List | Show


def check(command: Command, *, images_given: bool) -> None:
    """Refuses flags that have no effect, and a file that exists.

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
