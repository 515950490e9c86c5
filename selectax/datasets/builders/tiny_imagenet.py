"""Builds Tiny ImageNet from its official archive. JPEG files are stored unchanged."""

import contextlib
import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from selectax.datasets.archives.archive import (
    Archive,
    DataError,
    damaged,
    incomplete,
    is_hidden,
    other_layout,
)
from selectax.datasets.archives.jpegs import check_jpeg, decode_jpeg
from selectax.datasets.archives.members import Files, Folder
from selectax.datasets.archives.zips import open_zip
from selectax.datasets.builders.archive_builder import ArchiveBuilder, DatasetInfo
from selectax.datasets.registry import WORDNET_IDS, describe

_CLASSES_FILE = "wnids.txt"
_ANNOTATIONS_FILE = "val/val_annotations.txt"
# The patterns allow any folder above the official layout, and class folders without images/.
_ROOT = r"(?P<root>(?:[^/]+/)*?)"
_ENDING = r"\.(?:jpe?g|JPE?G)"
_TRAIN_FILE = re.compile(
    rf"{_ROOT}train/(?P<wnid>[^/]+)/(?:images/)?(?P=wnid)_(?P<number>\d+){_ENDING}"
)
_TEST_FILE = re.compile(
    rf"{_ROOT}val/(?:(?P<wnid>n\d+)/)?(?:images/)?(?P<stem>val_(?P<number>\d+)){_ENDING}"
)
_IMAGE_SHAPE = describe("tiny_imagenet").image_shape
LABELS = {wnid: label for label, wnid in enumerate(WORDNET_IDS)}
# The largest file, words.txt, has 2.7 million bytes. An image of 64 × 64 pixels has a few thousand.
_MOST_BYTES = 1 << 23
MOST_IMAGE_BYTES = 1 << 16
_MOST_IMAGES = {"train": 90_000, "validation": 10_000, "test": 10_000}


class ColourJpeg(tfds.features.Image):
    """A JPEG file that Pillow decodes to RGB, including grey images.

    TFDS uses OpenCV if it is installed, so the pixels would depend on the machine. See
    `decode_example_np` in
    https://github.com/tensorflow/datasets/blob/master/tensorflow_datasets/core/features/image_feature.py.
    """

    def decode_example_np(self, example: bytes) -> np.ndarray:
        """Decodes the bytes of a JPEG file to RGB pixels."""
        return decode_jpeg(example)


class _Image(NamedTuple):
    """An image's place in the order of its split, its label, and its name in the archive."""

    number: int
    label: int
    name: str


class TinyImagenet(ArchiveBuilder):
    """Tiny ImageNet with labelled test images.

    The test split consists of the archive's validation images, because the labels of its test
    images were never published. In each class, every tenth training image (number ending in 9:
    wnid_9, wnid_19, …) belongs to the validation split and the others to the train split. Labels
    follow the order of the official archive's wnids.txt, even if a copy has another order. Images
    are sorted by number, then by label, so that the beginning of a split contains all classes
    equally.
    """

    name = "tiny_imagenet"
    # The authors publish no checksum. This one is from copies of the same size as the official
    # file, such as huggingface.co/datasets/cnak47/cv-datasets.
    ARCHIVE = Archive(
        name="tiny-imagenet-200.zip",
        url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        size=248100043,
        sha256="6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
        folder="tiny-imagenet-200",
        marks=("wnids.txt",),
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return DatasetInfo(
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
        with _open(path) as archive:
            splits = _splits(path, archive)
        if not any(splits.values()):
            raise other_layout(path, "it holds no images train/wnid/images/wnid_0.JPEG")
        for split, images in splits.items():
            if len(images) == 0:
                raise incomplete(path, f"it holds no image for the {split} split")
            if len(images) > _MOST_IMAGES[split]:
                raise damaged(path, f"it holds {len(images)} images for the {split} split")
        return {split: self._generate_examples(path, images) for split, images in splits.items()}

    def _generate_examples(
        self, path: pathlib.Path, images: list[_Image]
    ) -> Iterator[tuple[int, dict]]:
        with _open(path) as archive:
            for index, image in enumerate(images):
                content = archive.read(image.name)
                yield index, {"image": checked(path, image.name, content), "label": image.label}


def image_features() -> tfds.features.FeaturesDict:
    """Returns the features of an example: a JPEG file and its class, named by its WordNet ID."""
    return tfds.features.FeaturesDict(
        {
            "image": ColourJpeg(shape=_IMAGE_SHAPE, encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=WORDNET_IDS),
        }
    )


def checked(path: pathlib.Path, name: str, content: bytes) -> bytes:
    """Returns the bytes of an image in an archive after checking that it can be decoded.

    Raises:
      DataError: if the image cannot be decoded or has another size.
    """
    try:
        check_jpeg(content, *_IMAGE_SHAPE[:2])
    except ValueError as error:
        raise damaged(path, f"its {name}: {error}") from error
    return content


def _open(path: pathlib.Path) -> contextlib.AbstractContextManager[Files]:
    """Opens the files of an archive or of an extracted folder."""
    if path.is_dir():
        return contextlib.nullcontext(Folder(path, _MOST_BYTES))
    return open_zip(path, _MOST_BYTES)


def _splits(path: pathlib.Path, archive: Files) -> dict[str, list[_Image]]:
    names = [name for name in archive.names if not is_hidden(name)]
    matches = [(name, _TRAIN_FILE.fullmatch(name) or _TEST_FILE.fullmatch(name)) for name in names]
    images = [(name, match) for name, match in matches if match]
    root = _root(path, {match["root"] for _, match in images})
    if root + _CLASSES_FILE in names:
        wnids = tuple(archive.read(root + _CLASSES_FILE).decode(errors="replace").split())
        if wnids not in (WORDNET_IDS, tuple(sorted(WORDNET_IDS))):
            raise DataError(f"{path}: its wnids.txt names other classes; get a new copy.")
    annotations = None
    if root + _ANNOTATIONS_FILE in names:
        text = archive.read(root + _ANNOTATIONS_FILE).decode(errors="replace")
        annotations = _annotations(path, text)
    train_images = [(name, match) for name, match in images if match.re is _TRAIN_FILE]
    test_images = [(name, match) for name, match in images if match.re is _TEST_FILE]
    splits: dict[str, list[_Image]] = {"train": [], "validation": []}
    for name, match in train_images:
        split = "validation" if match["number"].endswith("9") else "train"
        splits[split].append(_image(path, name, match["number"], match["wnid"]))
    for of_split in splits.values():
        if len({(image.number, image.label) for image in of_split}) < len(of_split):
            raise other_layout(path, "it holds a training image twice, under different names")
    splits["test"] = _test_images(path, root, test_images, annotations)
    return {split: sorted(of_split) for split, of_split in splits.items()}


def _root(path: pathlib.Path, roots: set[str]) -> str:
    """Returns the folder inside the archive that contains train/ and val/; "" for the top level."""
    if len(roots) > 1:
        first, second = (root or "./" for root in sorted(roots)[:2])
        raise other_layout(path, f"it holds images in {first} and in {second}")
    return next(iter(roots), "")


def _test_images(
    path: pathlib.Path,
    root: str,
    images: list[tuple[str, re.Match]],
    annotations: dict[str, str] | None,
) -> list[_Image]:
    """Returns the images of val/. Their classes come from the annotations, the folders or both."""
    if annotations is None and any(match["wnid"] is None for _, match in images):
        raise incomplete(path, f"it lacks {root}{_ANNOTATIONS_FILE}")
    classes = annotations or {}
    found: dict[str, _Image] = {}
    for name, match in images:
        file = match["stem"]
        wnid = match["wnid"] or classes.get(file)
        if wnid is None:
            raise damaged(path, f"its val_annotations.txt lacks {file}.JPEG")
        if classes.get(file, wnid) != wnid:
            raise damaged(path, f"its {name} is of the class {classes[file]} by the annotations")
        image = _image(path, name, match["number"], wnid)
        # An image may be both in its official place and in a class folder; the classes must agree.
        if found.setdefault(file, image).label != image.label:
            raise damaged(path, f"it holds {file} in two classes")
    if lacking := set(classes) - set(found):
        raise incomplete(path, f"it lacks {root}val/images/{min(lacking)}.JPEG")
    return list(found.values())


def _image(path: pathlib.Path, name: str, number: str, wnid: str) -> _Image:
    if wnid not in LABELS:
        raise damaged(path, f"its {name} is of the unknown class {wnid}")
    return _Image(int(number), LABELS[wnid], name)


def _annotations(path: pathlib.Path, text: str) -> dict[str, str]:
    """Returns the class of each image of val/ by its file name without the suffix."""
    annotations = {}
    for line in text.splitlines():
        name, separator, rest = line.partition("\t")
        stem = name.partition(".")[0]
        if not separator or stem in annotations:
            raise damaged(path, f"its val_annotations.txt has the line {line[:80]!r}")
        annotations[stem] = rest.split("\t")[0]
    return annotations
