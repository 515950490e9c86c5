"""CIFAR-10 from its official binary archive."""

import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import UInt8

from selectax.datasets.archives import Archive, DataError
from selectax.datasets.builders import ArchiveBuilder
from selectax.datasets.descriptions import describe
from selectax.datasets.tars import tar_files

_FOLDER = "cifar-10-batches-bin"
_CLASS_NAMES_FILE = f"{_FOLDER}/batches.meta.txt"
_TRAIN_FILES = tuple(f"{_FOLDER}/data_batch_{number}.bin" for number in range(1, 6))
_TEST_FILE = f"{_FOLDER}/test_batch.bin"
_IMAGE_SHAPE = describe("cifar10").image_shape
_CLASS_NAMES = describe("cifar10").class_names
_RECORD_BYTES = 1 + 32 * 32 * 3
_MOST_RECORDS = 10_000


class SelectaxCifar10(ArchiveBuilder):
    """CIFAR-10, with a validation split; the name cifar10 is that of TFDS's own data set.

    Of each of the five training batches, the records at 9, 19, 29, … (counted from 0) are
    validation, the others are train. Images keep the archive's order.
    """

    ARCHIVE = Archive(
        name="cifar-10-binary.tar.gz",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        size=170052171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="60,000 colour images in 10 classes; every tenth of training validates.",
            features=tfds.features.FeaturesDict(
                {
                    # TFDS's Image feature needs TensorFlow to encode an array.
                    "image": tfds.features.Tensor(
                        shape=_IMAGE_SHAPE, dtype=np.uint8, encoding="bytes"
                    ),
                    "label": tfds.features.ClassLabel(names=_CLASS_NAMES),
                }
            ),
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
        names = (_CLASS_NAMES_FILE, *_TRAIN_FILES, _TEST_FILE)
        files = dict(tar_files(path, dict.fromkeys(names, _MOST_RECORDS * _RECORD_BYTES)))
        if tuple(files[_CLASS_NAMES_FILE].decode(errors="replace").split()) != _CLASS_NAMES:
            raise DataError(f"{path}: its batches.meta.txt names other classes; get a new copy.")
        batches = [_records(path, name, files[name]) for name in _TRAIN_FILES]
        splits = {
            "train": np.concatenate([np.delete(batch, np.s_[9::10], 0) for batch in batches]),
            "validation": np.concatenate([batch[9::10] for batch in batches]),
            "test": _records(path, _TEST_FILE, files[_TEST_FILE]),
        }
        for split, records in splits.items():
            if len(records) == 0:
                raise DataError(f"{path}: holds no image for the {split} split; get a new copy.")
        return {split: self._generate_examples(records) for split, records in splits.items()}

    def _generate_examples(
        self, records: UInt8[np.ndarray, "samples bytes"]
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        for index, image in enumerate(images):
            yield index, {"image": image, "label": records[index, 0]}


def _records(
    path: pathlib.Path, name: str, content: bytes
) -> UInt8[np.ndarray, "samples {_RECORD_BYTES}"]:
    if len(content) % _RECORD_BYTES:
        raise DataError(
            f"{path}: its {name} has {len(content)} bytes, no multiple of {_RECORD_BYTES}; "
            "get a new copy."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD_BYTES)
    if np.any(records[:, 0] >= len(_CLASS_NAMES)):
        raise DataError(
            f"{path}: its {name} holds the label {records[:, 0].max()}, "
            f"above {len(_CLASS_NAMES) - 1}; get a new copy."
        )
    return records
