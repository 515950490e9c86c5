"""What is known of the data sets without reading them."""

import dataclasses
import importlib.resources

from selectax.arguments.names import unknown

SPLITS = ("train", "validation", "test")
SEVERITIES = (1, 2, 3, 4, 5)


@dataclasses.dataclass(frozen=True)
class DataSet:
    """What is known of a data set without reading it.

    Attributes:
      num_classes: labels are 0 .. num_classes - 1.
      image_shape: height, width, channels.
      horizontal_flip: whether a mirrored image still belongs to its class.
      class_names: in the order of the labels.
      splits: names of the splits.
      corruptions: of a corrupted test set, each at the severities `SEVERITIES`; else none.

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


_BENCHMARK = (
    *("gaussian_noise", "shot_noise", "impulse_noise"),
    *("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    *("snow", "frost", "fog", "brightness"),
    *("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
)
# The corruptions of the official corrupted test sets, by the names in their archives.
_CORRUPTIONS = {
    "cifar10": (*_BENCHMARK, "speckle_noise", "gaussian_blur", "spatter", "saturate"),
    "tiny_imagenet": _BENCHMARK,
}


def _tiny_imagenet_classes() -> tuple[tuple[str, str], ...]:
    """WordNet's number and words for each class, in the order of the archive's wnids.txt."""
    lines = importlib.resources.files(__package__).joinpath("tiny_imagenet_classes.tsv").read_text()
    pairs = (line.partition("\t") for line in lines.splitlines())
    return tuple((identity, words) for identity, _, words in pairs)


# The names of Tiny ImageNet's classes in its archive.
WORDNET_IDS = tuple(identity for identity, _ in _tiny_imagenet_classes())

_CLEAN = {
    "digits": DataSet(
        num_classes=10,
        image_shape=(16, 16, 3),
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
    "tiny_imagenet": DataSet(
        num_classes=200,
        image_shape=(64, 64, 3),
        horizontal_flip=True,
        class_names=tuple(words for _, words in _tiny_imagenet_classes()),
    ),
}

DATASETS = tuple(_CLEAN)

# The official corrupted form of a data set's test images.
CORRUPTED = {name: f"{name}_c" for name in _CORRUPTIONS}

_DESCRIPTIONS = _CLEAN | {
    CORRUPTED[name]: dataclasses.replace(_CLEAN[name], splits=("test",), corruptions=corruptions)
    for name, corruptions in _CORRUPTIONS.items()
}

ALL_DATASETS = tuple(_DESCRIPTIONS)


def describe(name: str) -> DataSet:
    """What is known of a data set, or of a corrupted one, without reading it.

    Args:
      name: one of `ALL_DATASETS`.

    Returns:
      Number and names of classes, shape of an image, splits and, of a corrupted one, corruptions.

    Raises:
      ValueError: if there is no data set of this name.

    Example:
      >>> from selectax import datasets
      >>> description = datasets.describe("tiny_imagenet_c")
      >>> description.num_classes, description.image_shape, len(description.corruptions)
      (200, (64, 64, 3), 15)
    """
    if name not in _DESCRIPTIONS:
        raise ValueError(unknown(f"dataset {name}", name, ALL_DATASETS))
    return _DESCRIPTIONS[name]
