"""Builds CIFAR-10-C: CIFAR-10's test images with 19 corruptions at five severities."""

import pathlib
import posixpath
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import UInt8

from selectax.datasets.archives.archive import (
    Archive,
    damaged,
    incomplete,
    is_hidden,
    other_layout,
)
from selectax.datasets.archives.members import Member, folder_members
from selectax.datasets.archives.tars import ends_properly, tar_members
from selectax.datasets.builders.archive_builder import DatasetInfo
from selectax.datasets.builders.cifar10 import image_features
from selectax.datasets.builders.corrupted import CorruptedBuilder, corruption_configs
from selectax.datasets.registry import SEVERITIES, describe

_LABELS_FILE = "labels.npy"
_DESCRIPTION = describe("cifar10_c")
_IMAGE_BYTES = 32 * 32 * 3
_MOST_IMAGES = 50_000  # five severities of the same 10,000
_MOST_HEADER_BYTES = 10_000


class _Array(NamedTuple):
    """A corruption's file, the position of the first image in it, and one severity's labels."""

    path: pathlib.Path
    offset: int
    labels: UInt8[np.ndarray, "samples"]


class Cifar10C(CorruptedBuilder):
    """CIFAR-10-C, with one configuration for each corruption and severity.

    Images keep the archive's order, which is the order of CIFAR-10's test images. If an archive or
    folder contains only some corruptions, only their configurations are built.
    """

    name = "cifar10_c"
    # Size and checksum are the ones that TFDS lists for its cifar10_corrupted.
    ARCHIVE = Archive(
        name="CIFAR-10-C.tar",
        url="https://zenodo.org/record/2535967/files/CIFAR-10-C.tar",
        size=2918471680,
        sha256="c72763e101c723b7c507b96205f7e938912a5d587376173b825850cf3cb876a7",
        folder="CIFAR-10-C",
        marks=("labels.npy",),
    )
    BUILDER_CONFIGS = corruption_configs("cifar10_c")

    def _info(self) -> tfds.core.DatasetInfo:
        return DatasetInfo(
            builder=self,
            description="CIFAR-10's 10,000 test images under 19 corruptions at 5 severities.",
            features=image_features(),
            supervised_keys=("image", "label"),
            homepage="https://github.com/hendrycks/robustness",
            license="Creative Commons Attribution 4.0 International",
            citation="""\
@inproceedings{hendrycks2019benchmarking,
  author = {Dan Hendrycks and Thomas Dietterich},
  title = {Benchmarking neural network robustness to common corruptions and perturbations},
  booktitle = {International Conference on Learning Representations},
  year = {2019},
}""",
            disable_shuffling=True,
        )

    @classmethod
    def corruptions_in(cls, path: pathlib.Path) -> tuple[str, ...]:
        """Returns the corruptions in an archive or extracted folder, in the benchmark's order."""
        members = _arrays(path)
        return tuple(name for name in _DESCRIPTION.corruptions if f"{name}.npy" in members)

    def _read_contents(self, path: pathlib.Path) -> dict[str, _Array]:
        members = _arrays(path)
        there = [name for name in _DESCRIPTION.corruptions if f"{name}.npy" in members]
        if not there:
            raise other_layout(path, "it holds no file of a corruption, such as fog.npy")
        is_part = len(there) < len(_DESCRIPTION.corruptions)
        # A download that stopped between two files looks like an archive of fewer corruptions.
        if is_part and path.is_file() and not ends_properly(path):
            raise damaged(path, "unexpected end of data")
        if _LABELS_FILE not in members:
            raise incomplete(path, f"it lacks {_LABELS_FILE}")
        labels = _labels(path, members[_LABELS_FILE])
        shape = len(labels), 32, 32, 3
        of_one = labels[: len(labels) // len(SEVERITIES)]
        contents = {}
        for name in there:
            member = members[f"{name}.npy"]
            contents[name] = _Array(member.path, _array_offset(path, member, shape), of_one)
        return contents

    def _generate_examples(
        self, path: pathlib.Path, contents: Mapping[str, _Array]
    ) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        array = contents[config.corruption]
        start = (config.severity - 1) * len(array.labels) * _IMAGE_BYTES
        with open(array.path, "rb") as file:
            file.seek(array.offset + start)
            for index, label in enumerate(array.labels):
                yield index, {"image": file.read(_IMAGE_BYTES), "label": label}


def _arrays(path: pathlib.Path) -> dict[str, Member]:
    """Returns the .npy files by name, in any folder."""
    members: dict[str, Member] = {}
    for member in folder_members(path) if path.is_dir() else tar_members(path):
        name = posixpath.basename(member.name)
        if is_hidden(member.name) or not name.endswith(".npy"):
            continue
        if name in members:
            raise damaged(path, f"it holds {name} twice")
        members[name] = member
    return members


def _labels(path: pathlib.Path, member: Member) -> UInt8[np.ndarray, "samples"]:
    """Reads the labels of all severities, which must be equal in every severity."""
    with open(member.path, "rb") as file:
        file.seek(member.offset)
        shape, dtype = _array_header(path, file, member)
        length = shape[0] if len(shape) == 1 else 0
        if dtype.kind not in "iu" or not 0 < length <= _MOST_IMAGES or length % len(SEVERITIES):
            raise damaged(path, f"its {member.name} has {dtype} of shape {shape}")
        if file.tell() - member.offset + length * dtype.itemsize != member.size:
            raise damaged(path, f"its {member.name} has {member.size} bytes")
        labels = np.frombuffer(file.read(length * dtype.itemsize), dtype)
    if not 0 <= labels.min() <= labels.max() < _DESCRIPTION.num_classes:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise damaged(path, f"its {member.name} holds the label {wrong}")
    if np.any(labels.reshape(len(SEVERITIES), -1) != labels[: length // len(SEVERITIES)]):
        raise damaged(path, f"its {member.name} differs between severities")
    return labels.astype(np.uint8)


def _array_offset(path: pathlib.Path, member: Member, expected: tuple[int, int, int, int]) -> int:
    """Returns the file position of the first pixel of an array of images."""
    with open(member.path, "rb") as file:
        file.seek(member.offset)
        shape, dtype = _array_header(path, file, member)
        begin = file.tell()
    if dtype != np.uint8 or shape != expected:
        raise damaged(path, f"its {member.name} has {dtype} of shape {shape}, not {expected}")
    if begin - member.offset + np.prod(shape) != member.size:
        raise damaged(path, f"its {member.name} has {member.size} bytes")
    return begin


def _array_header(path: pathlib.Path, file, member: Member) -> tuple[tuple[int, ...], np.dtype]:
    """Reads the shape and dtype of an array. A pickled array is an error: it could run code."""
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran_order, dtype = read(file, max_header_size=_MOST_HEADER_BYTES)
    except (ValueError, KeyError, EOFError) as error:
        raise damaged(path, f"its {member.name} is no array of numpy: {error}") from error
    if dtype.hasobject:
        raise damaged(path, f"its {member.name} is a pickle, which is not read")
    if fortran_order:
        raise damaged(path, f"its {member.name} has its axes in reverse order")
    return shape, dtype
