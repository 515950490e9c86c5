"""What is to be done with which data sets, from which the command line is made."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

_Names = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME ...")]


@dataclasses.dataclass(frozen=True)
class Where:
    """Where archives come from and prepared data sets go."""

    archives: pathlib.Path | None = None
    """Folder that holds the official archives; without it they are downloaded."""
    data_dir: pathlib.Path | None = None
    """Folder for prepared data sets; by default that of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """Take archives with another checksum than the official one, such as subsets."""


@dataclasses.dataclass(frozen=True)
class Prepare:
    """Makes data sets out of their archives, unless that was done before."""

    names: _Names
    """Data sets: {archived_data_sets}."""
    where: Where = Where()


@dataclasses.dataclass(frozen=True)
class Check:
    """Reads every image of prepared data sets, and verifies numbers, shapes and labels."""

    names: _Names
    """Data sets: {archived_data_sets}."""
    where: Where = Where()


@dataclasses.dataclass(frozen=True)
class List:
    """Lists the data sets, and which are prepared."""

    where: Where = Where()


@dataclasses.dataclass(frozen=True)
class Show:
    """Draws a contact sheet: some images with their classes."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Data set."""
    split: str = "test"
    """Split: train, validation or test; corrupted sets have test alone."""
    images: int = 40
    """The first so many images; of a corrupted set one image at each corruption and severity."""
    output: pathlib.Path | None = None
    """The PNG file; by default NAME.png."""
    where: Where = Where()


Command = Prepare | Check | List | Show
