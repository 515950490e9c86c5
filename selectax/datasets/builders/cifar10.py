"""Builds CIFAR-10 from its official archives, either the binary or the Python version."""

import pathlib
import posixpath
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import UInt8

from selectax.datasets.archives.archive import (
    Archive,
    DataError,
    damaged,
    incomplete,
    is_hidden,
    other_layout,
)
from selectax.datasets.archives.members import folder_members
from selectax.datasets.archives.pickled_batches import read_batch
from selectax.datasets.archives.tars import tar_files
from selectax.datasets.builders.archive_builder import ArchiveBuilder, DatasetInfo
from selectax.datasets.registry import describe

_TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_FILE = "test_batch"
_IMAGE_SHAPE = describe("cifar10").image_shape
_CLASS_NAMES = describe("cifar10").class_names
_RECORD_BYTES = 1 + 32 * 32 * 3
_MOST_RECORDS = 10_000
# Allow 100 bytes per image for the file name, the label and the pickle's own overhead.
_MOST_PICKLED_BYTES = _MOST_RECORDS * (_RECORD_BYTES + 100)
# By the suffix of the batch files: the file of the class names, and the maximum size of a batch.
_VERSIONS = {
    ".bin": ("batches.meta.txt", _MOST_RECORDS * _RECORD_BYTES),
    "": ("batches.meta", _MOST_PICKLED_BYTES),
}


class SelectaxCifar10(ArchiveBuilder):
    """CIFAR-10 with a validation split. The class name avoids TFDS's own data set cifar10.

    In each of the five training batches, the records at indices 9, 19, 29, … (counted from 0) form
    the validation split and the others form the train split. Images keep the archive's order.
    """

    ARCHIVE = Archive(
        name="cifar-10-binary.tar.gz",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        size=170052171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        folder="cifar-10-batches-bin",
        marks=("data_batch_1.bin",),
    )
    # Size and checksum are those in Keras. The images and their order match the binary version.
    OTHER_ARCHIVES = (
        Archive(
            name="cifar-10-python.tar.gz",
            url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            size=170498071,
            sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            folder="cifar-10-batches-py",
            marks=("data_batch_1",),
        ),
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return DatasetInfo(
            builder=self,
            description="60,000 colour images in 10 classes; every tenth of training validates.",
            features=image_features(),
            supervised_keys=("image", "label"),
            homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
            citation="""\
@techreport{krizhevsky2009learning,
  author = {Alex Krizhevsky},
  title = {Learning multiple layers of features from tiny images},
  institution = {University of Toronto},
  year = {2009},
}""",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        path = self.find_archive(dl_manager)
        batches = _read_batches(path)
        training = [batches[name] for name in _TRAIN_FILES]
        splits = {
            "train": np.concatenate([np.delete(batch, np.s_[9::10], 0) for batch in training]),
            "validation": np.concatenate([batch[9::10] for batch in training]),
            "test": batches[_TEST_FILE],
        }
        for split, records in splits.items():
            if len(records) == 0:
                raise incomplete(path, f"it holds no image for the {split} split")
        return {split: self._generate_examples(records) for split, records in splits.items()}

    def _generate_examples(
        self, records: UInt8[np.ndarray, "samples bytes"]
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        for index, image in enumerate(images):
            yield index, {"image": image, "label": records[index, 0]}


def image_features() -> tfds.features.FeaturesDict:
    """Returns the features of images and labels, also of CIFAR-10-C."""
    return tfds.features.FeaturesDict(
        {
            # TFDS's Image feature needs TensorFlow to encode an array.
            "image": tfds.features.Tensor(shape=_IMAGE_SHAPE, dtype=np.uint8, encoding="bytes"),
            "label": tfds.features.ClassLabel(names=_CLASS_NAMES),
        }
    )


def _read_batches(path: pathlib.Path) -> dict[str, UInt8[np.ndarray, "samples {_RECORD_BYTES}"]]:
    """Returns the records of each batch, by the batch's name without a suffix."""
    wanted = {
        name: most
        for ending, (class_names, most) in _VERSIONS.items()
        for name in (class_names, *(batch + ending for batch in (*_TRAIN_FILES, _TEST_FILE)))
    }
    read = _folder_files if path.is_dir() else _archive_files
    files = read(path, wanted)
    # If an archive contains both versions, use the binary one unless it lacks more files.
    ending, missing = min(
        ((ending, _missing(files, ending)) for ending in _VERSIONS), key=lambda pair: len(pair[1])
    )
    if not set(files) - {class_names for class_names, _ in _VERSIONS.values()}:
        raise other_layout(path, "it holds no file data_batch_1.bin or data_batch_1")
    if missing:
        # Name the files as in the official archive, to show where they belong.
        official = SelectaxCifar10.archives()[list(_VERSIONS).index(ending)].folder
        lacks = ", ".join(f"{official}/{name}" for name in sorted(missing))
        raise incomplete(path, f"it lacks {lacks}")
    name_of_classes = _VERSIONS[ending][0]
    if _class_names(path, name_of_classes, files[name_of_classes]) != _CLASS_NAMES:
        raise DataError(f"{path}: its {name_of_classes} names other classes; get a new copy.")
    records: Callable = _records if ending == ".bin" else _pickled_records
    return {
        batch: records(path, batch + ending, files[batch + ending])
        for batch in (*_TRAIN_FILES, _TEST_FILE)
    }


def _missing(files: dict[str, bytes], ending: str) -> set[str]:
    batches = (batch + ending for batch in (*_TRAIN_FILES, _TEST_FILE))
    return {_VERSIONS[ending][0], *batches} - set(files)


def _known_as(name: str) -> str:
    """Strips the folder from a batch's name. Hidden files keep it, so they match no batch."""
    return name if is_hidden(name) else posixpath.basename(name)


def _archive_files(path: pathlib.Path, most_bytes: dict[str, int]) -> dict[str, bytes]:
    return dict(tar_files(path, most_bytes, known_as=_known_as, all_of_them=False))


def _folder_files(path: pathlib.Path, most_bytes: dict[str, int]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for member in folder_members(path):
        name = _known_as(member.name)
        if name not in most_bytes:
            continue
        if name in files:
            raise other_layout(path, f"it holds {name} twice")
        if member.size > most_bytes[name]:
            raise damaged(path, f"its {member.name} has {member.size} bytes")
        files[name] = member.read()
    return files


def _class_names(path: pathlib.Path, name: str, content: bytes) -> tuple[str, ...]:
    if name.endswith(".txt"):
        return tuple(content.decode(errors="replace").split())
    try:
        names = read_batch(content)["label_names"]
    except (ValueError, KeyError) as error:
        raise damaged(path, f"its {name}: {error}") from error
    return tuple(str(n, errors="replace") if isinstance(n, bytes) else n for n in names)


def _pickled_records(
    path: pathlib.Path, name: str, content: bytes
) -> UInt8[np.ndarray, "samples {_RECORD_BYTES}"]:
    """Converts to the binary version's records: the label, then the pixels, channels first."""
    try:
        batch = read_batch(content)
        pixels, labels = np.asarray(batch["data"]), np.asarray(batch["labels"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise damaged(path, f"its {name}: {error}") from error
    shape = (len(labels) if labels.ndim == 1 else -1, _RECORD_BYTES - 1)
    integers = labels.dtype.kind in "iu" or labels.size == 0
    if pixels.dtype != np.uint8 or pixels.shape != shape or not integers:
        raise damaged(
            path,
            f"its {name} has {pixels.dtype} of shape {pixels.shape} and "
            f"{labels.dtype} labels of shape {labels.shape}",
        )
    _check_labels(path, name, labels)
    return np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1)


def _records(
    path: pathlib.Path, name: str, content: bytes
) -> UInt8[np.ndarray, "samples {_RECORD_BYTES}"]:
    if len(content) % _RECORD_BYTES:
        raise DataError(
            f"{path}: its {name} has {len(content)} bytes, no multiple of {_RECORD_BYTES}; "
            "get a new copy."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD_BYTES)
    _check_labels(path, name, records[:, 0])
    return records


def _check_labels(path: pathlib.Path, name: str, labels: np.ndarray) -> None:
    if labels.size and not 0 <= labels.min() <= labels.max() < len(_CLASS_NAMES):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise DataError(
            f"{path}: its {name} holds the label {wrong}, not from 0 to {len(_CLASS_NAMES) - 1}; "
            "get a new copy."
        )
