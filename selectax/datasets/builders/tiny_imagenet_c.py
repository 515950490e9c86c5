"""Builds Tiny ImageNet-C: Tiny ImageNet's classes with 15 corruptions at five severities."""

import pathlib
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import tensorflow_datasets as tfds

from selectax.datasets.archives.archive import Archive, damaged, incomplete, is_hidden, other_layout
from selectax.datasets.archives.members import Member, folder_members
from selectax.datasets.archives.tars import ends_properly, tar_members
from selectax.datasets.builders.archive_builder import DatasetInfo
from selectax.datasets.builders.corrupted import CorruptedBuilder, corruption_configs
from selectax.datasets.builders.tiny_imagenet import (
    LABELS,
    MOST_IMAGE_BYTES,
    checked,
    image_features,
)
from selectax.datasets.registry import SEVERITIES, describe

_IMAGE_FILE = re.compile(
    r"(?P<root>(?:[^/]+/)*?)(?P<corruption>[^/]+)/(?P<severity>[1-5])/(?P<wnid>[^/]+)/"
    r"(?P<file>[^/]+\.(?:jpe?g|JPE?G))"
)
_ENDINGS = (".JPEG", ".JPG", ".jpeg", ".jpg")
_CORRUPTIONS = describe("tiny_imagenet_c").corruptions
# The benchmark's extra corruptions, published separately and often unpacked into the same folder.
_EXTRA_CORRUPTIONS = set(describe("cifar10_c").corruptions) - set(_CORRUPTIONS)
_WORDNET_ID = re.compile(r"n\d{8}")
_MOST_IMAGES = 10_000


class _Image(NamedTuple):
    """An image's number, file name, label and location."""

    number: int
    file: str
    label: int
    member: Member


class TinyImagenetC(CorruptedBuilder):
    """Tiny ImageNet-C, with one configuration for each corruption and severity.

    Images are sorted by the number in their file names. They are *not* Tiny ImageNet's images: the
    authors selected other photographs of the same classes
    (github.com/hendrycks/robustness/issues/39), so corrupted images have no clean counterparts.

    The archive that was published first (zenodo.org/records/2536630) contains frost images of all
    1,000 classes of ImageNet (issue 60 in the same repository). Classes that are not in Tiny
    ImageNet are skipped with a warning. The official archive here is the corrected copy.
    """

    name = "tiny_imagenet_c"
    # TorchUncertainty and others check this size and MD5 of the corrected copy. We found no
    # published SHA-256 of it, and neither size nor checksum of the first archive.
    ARCHIVE = Archive(
        name="Tiny-ImageNet-C.tar",
        url="https://zenodo.org/records/8206060/files/Tiny-ImageNet-C.tar",
        size=1794775040,
        sha256=None,
        md5="f9c9a9dbdc11469f0b850190f7ad8be1",
        folder="Tiny-ImageNet-C",
        marks=_CORRUPTIONS,
    )
    BUILDER_CONFIGS = corruption_configs("tiny_imagenet_c")

    def _info(self) -> tfds.core.DatasetInfo:
        return DatasetInfo(
            builder=self,
            description=(
                "10,000 images of Tiny ImageNet's classes under 15 corruptions at 5 severities."
            ),
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

    @classmethod
    def corruptions_in(cls, path: pathlib.Path) -> tuple[str, ...]:
        """Returns the corruptions in an archive or extracted folder, in the benchmark's order."""
        if path.is_file() and path.stat().st_size == cls.ARCHIVE.size:
            return _CORRUPTIONS
        found = {match["corruption"] for _, match in _images(path) if match}
        return tuple(name for name in _CORRUPTIONS if name in found)

    def _read_contents(self, path: pathlib.Path) -> dict[str, dict[int, list[_Image]]]:
        """Returns the images of each corruption at each severity."""
        contents: dict[str, dict[int, list[_Image]]] = {}
        foreign: Counter[tuple[str, str]] = Counter()
        extra: Counter[str] = Counter()
        roots = set()
        for member, match in _images(path):
            if match is None or not _is_known(match):
                raise damaged(path, f"its {member.name} is of no known corruption or class")
            corruption, wnid = match["corruption"], match["wnid"]
            if corruption in _EXTRA_CORRUPTIONS:
                extra[corruption] += 1
                continue
            if wnid not in LABELS:
                foreign[corruption, wnid] += 1
                continue
            if member.size > MOST_IMAGE_BYTES:
                raise damaged(path, f"its {member.name} would have {member.size} bytes")
            # Intern the name to save memory: each name occurs 75 times.
            file = sys.intern(match["file"])
            number = int(re.sub(r"\D", "", file) or 0)
            severities = contents.setdefault(corruption, {s: [] for s in SEVERITIES})
            images = severities[int(match["severity"])]
            images.append(_Image(number, file, LABELS[wnid], member))
            if len(images) > _MOST_IMAGES:
                raise damaged(path, f"it holds more than {_MOST_IMAGES} images of {corruption}")
            roots.add(match["root"])
        if not contents:
            raise other_layout(path, "it holds no images <corruption>/<severity>/<class>/*.JPEG")
        if len(roots) > 1:
            first, second = (root or "./" for root in sorted(roots)[:2])
            raise other_layout(path, f"it holds images in {first} and in {second}")
        if len(contents) < len(_CORRUPTIONS) and path.is_file() and not ends_properly(path):
            # A download that stopped between two files looks like an archive of fewer corruptions.
            raise damaged(path, "unexpected end of data")
        for severities in contents.values():
            for images in severities.values():
                images.sort()
        _check_alike(path, contents, {corruption for corruption, _ in foreign})
        self._warn_of_skipped(path, foreign, extra)
        return contents

    def _warn_of_skipped(
        self, path: pathlib.Path, foreign: Counter[tuple[str, str]], extra: Counter[str]
    ) -> None:
        if foreign:
            classes = len({wnid for _, wnid in foreign})
            corruptions = ", ".join(sorted({corruption for corruption, _ in foreign}))
            warnings.warn(
                f"{path}: skipped {foreign.total():,} images of {classes:,} classes that are not "
                f"Tiny ImageNet's (under {corruptions}), as in the archive first published; the "
                f"corrected one is {self.ARCHIVE.url} (MD5 {self.ARCHIVE.md5}).",
                stacklevel=2,
            )
        if extra:
            warnings.warn(
                f"{path}: skipped {extra.total():,} images of corruptions that are published "
                f"apart ({', '.join(sorted(extra))}).",
                stacklevel=2,
            )

    def _generate_examples(
        self, path: pathlib.Path, contents: Mapping[str, dict[int, list[_Image]]]
    ) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        for index, image in enumerate(contents[config.corruption][config.severity]):
            name = f"{config.name}/{image.file}"
            content = checked(path, name, image.member.read())
            yield index, {"image": content, "label": image.label}


def _images(path: pathlib.Path) -> Iterator[tuple[Member, re.Match | None]]:
    """Yields the images of an archive or an extracted folder, with the matches of their names."""
    for member in folder_members(path) if path.is_dir() else tar_members(path):
        if member.name.endswith(_ENDINGS) and not is_hidden(member.name):
            yield member, _IMAGE_FILE.fullmatch(member.name)


def _is_known(match: re.Match) -> bool:
    """Returns whether the corruption is in the benchmark and the class is a WordNet ID."""
    corruption, wnid = match["corruption"], match["wnid"]
    known = corruption in _CORRUPTIONS or corruption in _EXTRA_CORRUPTIONS
    return known and _WORDNET_ID.fullmatch(wnid) is not None


def _check_alike(
    path: pathlib.Path, contents: dict[str, dict[int, list[_Image]]], with_foreign: set[str]
) -> None:
    """Checks that every corruption and severity has the same images, each once.

    A corruption in `with_foreign`, which also had classes outside Tiny ImageNet, may differ from
    the others. Its severities must still agree with each other.
    """
    compared = [name for name in contents if name not in with_foreign] or list(contents)
    of_all = contents[compared[0]][SEVERITIES[0]]
    for corruption, severities in contents.items():
        first = corruption if corruption in with_foreign else compared[0]
        expected = [(image.file, image.label) for image in of_all]
        if corruption in with_foreign:
            expected = [(image.file, image.label) for image in severities[SEVERITIES[0]]]
        if len(set(expected)) < len(expected):
            raise damaged(path, f"it holds an image of {first}_{SEVERITIES[0]} twice")
        for severity, images in severities.items():
            if not images:
                raise incomplete(path, f"it holds no images of {corruption}_{severity}")
            if [(image.file, image.label) for image in images] != expected:
                raise damaged(
                    path,
                    f"it holds other images of {corruption}_{severity} than of "
                    f"{first}_{SEVERITIES[0]}",
                )
