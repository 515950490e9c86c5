"""Tiny ImageNet from its official archive, its JPEG files kept as they are."""

import pathlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from selectax.datasets.archives import Archive, DataError, damaged
from selectax.datasets.builders import ArchiveBuilder
from selectax.datasets.descriptions import WORDNET_IDS, describe
from selectax.datasets.jpegs import check_jpeg, decode_jpeg
from selectax.datasets.zips import Zip, open_zip

_FOLDER = "tiny-imagenet-200"
_CLASSES_FILE = f"{_FOLDER}/wnids.txt"
_ANNOTATIONS_FILE = f"{_FOLDER}/val/val_annotations.txt"
_TRAIN_FILE = re.compile(rf"{_FOLDER}/train/(?P<wnid>[^/]+)/images/\1_(?P<number>\d+)\.JPEG")
_TEST_FILE = re.compile(rf"{_FOLDER}/val/images/(?P<name>val_(?P<number>\d+)\.JPEG)")
_IMAGE_SHAPE = describe("tiny_imagenet").image_shape
LABELS = {wnid: label for label, wnid in enumerate(WORDNET_IDS)}
# words.txt, the largest, has 2.7 million; an image of 64 × 64 pixels a few thousand.
_MOST_BYTES = 1 << 23
MOST_IMAGE_BYTES = 1 << 16
_MOST_IMAGES = {"train": 90_000, "validation": 10_000, "test": 10_000}


class ColourJpeg(tfds.features.Image):
    """A JPEG file, decoded by Pillow wherever it is read; a grey one becomes RGB."""

    def decode_example_np(self, example: bytes) -> np.ndarray:
        """Decodes the bytes of the file."""
        return decode_jpeg(example)


class _Image(NamedTuple):
    """An image's place in the order of its split, its label, and its name in the archive."""

    number: int
    label: int
    name: str


class TinyImagenet(ArchiveBuilder):
    """Tiny ImageNet, with labelled test images.

    The archive's validation images are the test split here, since the labels of its test images
    were never published. Of each class's training images, those whose number ends in 9 (wnid_9,
    wnid_19, …: every tenth) are validation, the others are train. Labels follow the order of the
    archive's wnids.txt. Images are in order of their number, those of one number in order of their
    label, so that the beginning of a split holds all classes alike.
    """

    name = "tiny_imagenet"
    # The authors publish no checksum. This is that of the copies in circulation, such as
    # huggingface.co/datasets/cnak47/cv-datasets, whose size is that of the official file.
    ARCHIVE = Archive(
        name="tiny-imagenet-200.zip",
        url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        size=248100043,
        sha256="6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Tiny ImageNet: 200 classes of ImageNet, images of 64 × 64 pixels.",
            features=image_features(),
            supervised_keys=("image", "label"),
            homepage="http://cs231n.stanford.edu",
            license="ImageNet's terms of access: research and education that is not commercial",
            citation="""\
@techreport{le2015tiny,
  author = {Ya Le and Xuan Yang},
  title = {Tiny ImageNet visual recognition challenge},
  institution = {Stanford University, CS 231N},
  year = {2015},
}""",
            metadata=tfds.core.MetadataDict(words=describe("tiny_imagenet").class_names),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        path = self.find_archive(dl_manager)
        with open_zip(path, _MOST_BYTES) as archive:
            splits = _splits(path, archive)
        for split, images in splits.items():
            if len(images) == 0:
                raise DataError(f"{path}: holds no image for the {split} split; get a new copy.")
            if len(images) > _MOST_IMAGES[split]:
                raise damaged(path, f"it holds {len(images)} images for the {split} split")
        return {split: self._generate_examples(path, images) for split, images in splits.items()}

    def _generate_examples(
        self, path: pathlib.Path, images: list[_Image]
    ) -> Iterator[tuple[int, dict]]:
        with open_zip(path, _MOST_BYTES) as archive:
            for index, image in enumerate(images):
                content = archive.read(image.name)
                yield index, {"image": checked(path, image.name, content), "label": image.label}


def image_features() -> tfds.features.FeaturesDict:
    """A JPEG file and WordNet's number for its class."""
    return tfds.features.FeaturesDict(
        {
            "image": ColourJpeg(shape=_IMAGE_SHAPE, encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=WORDNET_IDS),
        }
    )


def checked(path: pathlib.Path, name: str, content: bytes) -> bytes:
    """The bytes of an image in an archive, if it can be decoded.

    Raises:
      DataError: if it cannot, or has another size.
    """
    try:
        check_jpeg(content, *_IMAGE_SHAPE[:2])
    except ValueError as error:
        raise damaged(path, f"its {name}: {error}") from error
    return content


def _splits(path: pathlib.Path, archive: Zip) -> dict[str, list[_Image]]:
    if tuple(archive.read(_CLASSES_FILE).decode(errors="replace").split()) != WORDNET_IDS:
        raise DataError(f"{path}: its wnids.txt names other classes; get a new copy.")
    annotations = _annotations(path, archive.read(_ANNOTATIONS_FILE).decode(errors="replace"))
    splits: dict[str, list[Any]] = {"train": [], "validation": [], "test": []}
    for name in archive.names:
        if not name.endswith(".JPEG"):
            continue
        if match := _TRAIN_FILE.fullmatch(name):
            split = "validation" if match["number"].endswith("9") else "train"
            wnid = match["wnid"]
        elif match := _TEST_FILE.fullmatch(name):
            split = "test"
            wnid = annotations.pop(match["name"], None)
            if wnid is None:
                raise damaged(path, f"its val_annotations.txt lacks {match['name']}")
        else:
            continue
        if wnid not in LABELS:
            raise damaged(path, f"its {name} is of the unknown class {wnid}")
        splits[split].append(_Image(int(match["number"]), LABELS[wnid], name))
    if annotations:
        raise damaged(path, f"it lacks {_FOLDER}/val/images/{min(annotations)}")
    return {split: sorted(images) for split, images in splits.items()}


def _annotations(path: pathlib.Path, text: str) -> dict[str, str]:
    """The class of each labelled image that is not for training."""
    annotations = {}
    for line in text.splitlines():
        name, separator, rest = line.partition("\t")
        if not separator or name in annotations:
            raise damaged(path, f"its val_annotations.txt has the line {line[:80]!r}")
        annotations[name] = rest.split("\t")[0]
    return annotations
