"""Tiny ImageNet-C: Tiny ImageNet's labelled test images under 15 corruptions at five severities."""

import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow_datasets as tfds

from selectax.datasets.archives import Archive, damaged
from selectax.datasets.corrupted import CorruptedBuilder, corruption_configs
from selectax.datasets.descriptions import describe
from selectax.datasets.tars import tar_members
from selectax.datasets.tiny_imagenet import LABELS, MOST_IMAGE_BYTES, checked, image_features

_FOLDER = "Tiny-ImageNet-C"
_IMAGE_FILE = re.compile(
    rf"{_FOLDER}/(?P<corruption>[^/]+)/(?P<severity>[1-5])/(?P<wnid>[^/]+)/(?P<file>[^/]+\.JPEG)"
)
_MOST_IMAGES = 10_000


class _Image(NamedTuple):
    """An image's number, file name, label and place in the archive."""

    number: int
    file: str
    label: int
    offset: int
    size: int


class TinyImagenetC(CorruptedBuilder):
    """Tiny ImageNet-C, a configuration for each corruption and severity.

    Images are in order of the number in their file's name, which is that of Tiny ImageNet's test
    split here, whatever order the archive has.
    """

    name = "tiny_imagenet_c"
    # Neither size nor checksum of this file could be found in print; those of the record 8206060,
    # which others load under the same name, are of another upload.
    ARCHIVE = Archive(
        name="Tiny-ImageNet-C.tar",
        url="https://zenodo.org/records/2536630/files/Tiny-ImageNet-C.tar",
        size=None,
        sha256=None,
    )
    BUILDER_CONFIGS = corruption_configs("tiny_imagenet_c")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Tiny ImageNet's 10,000 images under 15 corruptions at 5 severities.",
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
            metadata=tfds.core.MetadataDict(words=describe("tiny_imagenet_c").class_names),
            disable_shuffling=True,
        )

    def _read_contents(self, path: pathlib.Path) -> dict[str, list[_Image]]:
        contents: dict[str, list[_Image]] = {config.name: [] for config in self.BUILDER_CONFIGS}
        for member in tar_members(path):
            if not member.name.endswith(".JPEG"):
                continue
            match = _IMAGE_FILE.fullmatch(member.name)
            config = f"{match['corruption']}_{match['severity']}" if match else ""
            if match is None or config not in contents or match["wnid"] not in LABELS:
                raise damaged(path, f"its {member.name} is of no known corruption or class")
            if member.size > MOST_IMAGE_BYTES:
                raise damaged(path, f"its {member.name} would have {member.size} bytes")
            # The same names come 75 times.
            file = sys.intern(match["file"])
            number = int(re.sub(r"\D", "", file) or 0)
            image = _Image(number, file, LABELS[match["wnid"]], member.offset, member.size)
            contents[config].append(image)
            if len(contents[config]) > _MOST_IMAGES:
                raise damaged(path, f"it holds more than {_MOST_IMAGES} images of {config}")
        for images in contents.values():
            images.sort()
        _check_alike(path, contents)
        return contents

    def _generate_examples(
        self, path: pathlib.Path, contents: dict[str, list[_Image]]
    ) -> Iterator[tuple[int, dict]]:
        with open(path, "rb") as file:
            for index, image in enumerate(contents[self.builder_config.name]):
                file.seek(image.offset)
                content = file.read(image.size)
                name = f"{self.builder_config.name}/{image.file}"
                yield index, {"image": checked(path, name, content), "label": image.label}


def _check_alike(path: pathlib.Path, contents: dict[str, list[_Image]]) -> None:
    """Every corruption and severity must have the same images, each once."""
    first, images_of_first = next(iter(contents.items()))
    expected = [(image.file, image.label) for image in images_of_first]
    if not expected:
        raise damaged(path, f"it holds no images of {first}")
    if len(set(expected)) < len(expected):
        raise damaged(path, f"it holds an image of {first} twice")
    for config, images in contents.items():
        if [(image.file, image.label) for image in images] != expected:
            raise damaged(path, f"it holds other images of {config} than of {first}")
