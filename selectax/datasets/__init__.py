"""Labelled images as arrays: scikit-learn's digits, embedded, and CIFAR-10 through TFDS."""

import dataclasses
import difflib
import importlib
import os

import numpy as np
from jaxtyping import Int32, UInt8


@dataclasses.dataclass(frozen=True)
class DataSet:
    """What is known of a data set without reading it.

    Attributes:
      num_classes: labels are 0 .. num_classes - 1.
      image_shape: height, width, channels.
      horizontal_flip: whether a mirrored image still belongs to its class.
      class_names: in the order of the labels.
    """

    num_classes: int
    image_shape: tuple[int, int, int]
    horizontal_flip: bool
    class_names: tuple[str, ...]


_DESCRIPTIONS = {
    "digits": DataSet(
        num_classes=10,
        image_shape=(32, 32, 3),
        horizontal_flip=False,
        class_names=tuple("0123456789"),
    ),
    "cifar10": DataSet(
        num_classes=10,
        image_shape=(32, 32, 3),
        horizontal_flip=True,
        class_names=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
    ),
}

DATASETS = tuple(_DESCRIPTIONS)
SPLITS = ("train", "validation", "test")


def describe(name: str) -> DataSet:
    """What is known of a data set without reading it.

    Raises:
      ValueError: if there is no data set of this name.
    """
    if name not in _DESCRIPTIONS:
        nearest = difflib.get_close_matches(str(name), DATASETS, n=1, cutoff=0)[0]
        raise ValueError(
            f"dataset {name}: unknown; did you mean {nearest}? Known are {', '.join(DATASETS)}."
        )
    return _DESCRIPTIONS[name]


def load(
    name: str,
    split: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    archives: str | os.PathLike[str] | None = None,
    allow_unverified_archives: bool = False,
) -> tuple[UInt8[np.ndarray, "samples height width channels"], Int32[np.ndarray, "samples"]]:
    """Images and labels of one split, in a fixed order.

    The validation split is taken from the official training set by a fixed rule, which the
    data set's module states. Digits are embedded and ignore the options.

    Args:
      name: one of `DATASETS`.
      split: "train", "validation" or "test".
      data_dir: folder for prepared data sets; by default that of tensorflow-datasets.
      archives: folder that holds the official archive under its official name; without it a
        set prepared earlier is used, or the archive is downloaded.
      allow_unverified_archives: take an archive of another checksum than the official one, such
        as a subset; it is prepared apart from the official one.

    Returns:
      Images from 0 to 255, and labels.

    Raises:
      ValueError: on an unknown name or split, or (as `selectax.datasets.archives.DataError`)
        where the archive is missing, damaged, not the official one, or cannot be prepared.
    """
    describe(name)
    if split not in SPLITS:
        raise ValueError(f"split {split}: unknown; known are {', '.join(SPLITS)}.")
    # Each module imports the library that its data come from, which others need not have.
    module = importlib.import_module(f"selectax.datasets.{name}")
    return module.load(
        split,
        data_dir=data_dir,
        archives=archives,
        allow_unverified_archives=allow_unverified_archives,
    )
