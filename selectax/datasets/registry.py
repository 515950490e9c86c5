"""DATASETS: everything that is known of a data set without reading it, by name.

The table imports neither NumPy nor TFDS, so that command-line help can read it. An entry imports
its images' module when they are first loaded.
"""

import dataclasses
import importlib
import importlib.resources
from collections.abc import Callable
from typing import Any, Literal

from selectax.arguments.names import unknown

SPLITS = ("train", "validation", "test")
SEVERITIES = (1, 2, 3, 4, 5)
# Fractions of the training run after which the learning rate is divided by ten.
LEARNING_RATE_DROPS = (1 / 2, 3 / 4)


@dataclasses.dataclass(frozen=True)
class DataSet:
    """What is known of a data set without reading it.

    Only the first four attributes are needed to describe images of your own.

    Attributes:
      num_classes: labels are 0 .. num_classes - 1.
      image_shape: height, width, channels.
      horizontal_flip: whether a mirrored image still belongs to its class, so that training may
        mirror images.
      class_names: in the order of the labels.
      splits: names of the splits.
      corruptions: corruptions of a corrupted test set, each at the severities `SEVERITIES`; empty
        for a clean data set.
      name: as in `--dataset`.
      load_split: for an embedded data set, a function from the name of a split to its images and
        labels.
      builder: for a data set that TFDS prepares, a function that imports and returns its
        `ArchiveBuilder`.
      learning_rate_drops: fractions of the training run after which the learning rate is divided
        by ten.
      benchmark: the benchmark whose severities are used to corrupt the images.
      default_corruptions: corruptions that are measured by default.
      corrupted: name of the official corrupted test set; None if there is none.
      is_paired: for a corrupted test set, whether it holds the clean test images in their order.
      folder_names: names of the class folders in ImageNet's layout, in the order of the labels;
        empty if they are `class_names`.

    Example:
      >>> from selectax import datasets
      >>> isinstance(datasets.describe("digits"), datasets.DataSet)
      True
    """

    num_classes: int
    image_shape: tuple[int, int, int]
    horizontal_flip: bool
    class_names: tuple[str, ...]
    splits: tuple[str, ...] = SPLITS
    corruptions: tuple[str, ...] = ()
    name: str = ""
    load_split: Callable[[str], tuple[Any, Any]] | None = None
    builder: Callable[[], Any] | None = None
    learning_rate_drops: tuple[float, ...] = LEARNING_RATE_DROPS
    benchmark: Literal["cifar10", "tiny_imagenet", "imagenet"] = "cifar10"
    # One of each kind, so that the embedded data set is measured in a few minutes.
    default_corruptions: tuple[str, ...] = (
        *("gaussian_noise", "gaussian_blur", "brightness", "contrast", "pixelate"),
    )
    corrupted: str | None = None
    is_paired: bool = False
    folder_names: tuple[str, ...] = ()

    @property
    def is_embedded(self) -> bool:
        """Whether the package itself includes the images, so that no archive is needed."""
        return self.load_split is not None


def _digits(split: str) -> tuple[Any, Any]:
    return _imported("digits", "load")(split)


def _builder(module: str, name: str) -> Callable[[], Any]:
    """A function that imports a builder when it is called."""
    return lambda: _imported(f"builders.{module}", name)


def _imported(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"selectax.datasets.{module}"), name)


def _tiny_imagenet_classes() -> tuple[tuple[str, str], ...]:
    """WordNet ID and words of each class, in the order of the archive's wnids.txt."""
    lines = importlib.resources.files(__package__).joinpath("tiny_imagenet_classes.tsv").read_text()
    pairs = (line.partition("\t") for line in lines.splitlines())
    return tuple((identity, words) for identity, _, words in pairs)


# Names of Tiny ImageNet's classes in its archive.
WORDNET_IDS = tuple(identity for identity, _ in _tiny_imagenet_classes())

# Corruptions of the official corrupted test sets, by their names in the archives.
_BENCHMARK = (
    *("gaussian_noise", "shot_noise", "impulse_noise"),
    *("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    *("snow", "frost", "fog", "brightness"),
    *("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
)
_CIFAR10_C = (*_BENCHMARK, "speckle_noise", "gaussian_blur", "spatter", "saturate")

DATASETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            name="digits",
            num_classes=10,
            image_shape=(16, 16, 3),
            horizontal_flip=False,
            class_names=tuple("0123456789"),
            load_split=_digits,
        ),
        DataSet(
            name="cifar10",
            num_classes=10,
            image_shape=(32, 32, 3),
            horizontal_flip=True,
            class_names=(
                *("airplane", "automobile", "bird", "cat", "deer"),
                *("dog", "frog", "horse", "ship", "truck"),
            ),
            builder=_builder("cifar10", "SelectaxCifar10"),
            default_corruptions=_CIFAR10_C,
            corrupted="cifar10_c",
        ),
        DataSet(
            name="tiny_imagenet",
            num_classes=200,
            image_shape=(64, 64, 3),
            horizontal_flip=True,
            class_names=tuple(words for _, words in _tiny_imagenet_classes()),
            folder_names=WORDNET_IDS,
            builder=_builder("tiny_imagenet", "TinyImagenet"),
            # As for the papers' ResNet-18.
            learning_rate_drops=(35 / 90, 50 / 90, 65 / 90, 80 / 90),
            benchmark="tiny_imagenet",
            default_corruptions=_BENCHMARK,
            corrupted="tiny_imagenet_c",
        ),
    )
}


def _corrupted(name: str, clean: str, **changes: Any) -> DataSet:
    """The official corrupted test set of a data set."""
    return dataclasses.replace(
        DATASETS[clean],
        name=name,
        splits=("test",),
        corruptions=DATASETS[clean].default_corruptions,
        corrupted=None,
        **changes,
    )


CORRUPTED_DATASETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        _corrupted(
            "cifar10_c", "cifar10", builder=_builder("cifar10_c", "Cifar10C"), is_paired=True
        ),
        # The images are not Tiny ImageNet's, but other photographs of the same classes.
        _corrupted(
            "tiny_imagenet_c", "tiny_imagenet", builder=_builder("tiny_imagenet_c", "TinyImagenetC")
        ),
    )
}

# The official corrupted test set of each data set that has one.
CORRUPTED = {name: entry.corrupted for name, entry in DATASETS.items() if entry.corrupted}
ALL_DATASETS = (*DATASETS, *CORRUPTED_DATASETS)


def describe(name: str) -> DataSet:
    """What is known of a data set, clean or corrupted, without reading it.

    Args:
      name: one of `ALL_DATASETS`.

    Returns:
      Number and names of classes, shape of an image, splits and, for a corrupted test set, its
      corruptions.

    Raises:
      ValueError: if there is no data set of this name.

    Example:
      >>> from selectax import datasets
      >>> description = datasets.describe("tiny_imagenet_c")
      >>> description.num_classes, description.image_shape, len(description.corruptions)
      (200, (64, 64, 3), 15)
    """
    found = DATASETS.get(name) or CORRUPTED_DATASETS.get(name)
    if found is None:
        known = (*DATASETS, *CORRUPTED_DATASETS)
        raise ValueError(unknown(f"dataset {name}", name, known))
    return found
