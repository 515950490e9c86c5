"""Loads handwritten digits, which this package includes, as small colour images."""

import importlib.resources

import numpy as np
from jaxtyping import Int32, UInt8


def load(
    split: str,
) -> tuple[UInt8[np.ndarray, "samples 16 16 3"], Int32[np.ndarray, "samples"]]:
    """Loads one split of 1,797 digits: those of `sklearn.datasets.load_digits`.

    They are in `digits.npz` beside this file, because importing scikit-learn takes a second.

    Each of the 8 × 8 grey pixels is repeated 2 × 2 times in three channels. Grey levels from 0 to
    16 are scaled to 0 to 255 and rounded. Within each class, in scikit-learn's order, images whose
    rank modulo 10 is 0 or 1 form the test split, 2 the validation split, and the others the train
    split.

    Args:
      split: name of the split: "train", "validation" or "test".

    References:
      E. Alpaydin, C. Kaynak, 1998, "Optical recognition of handwritten digits", UCI Machine
      Learning Repository, https://doi.org/10.24432/C50P49 (CC BY 4.0), the test set.
    """
    file = importlib.resources.files(__package__) / "digits.npz"
    with file.open("rb") as opened, np.load(opened) as arrays:
        pixels, labels = arrays["images"], arrays["labels"]
    rank = np.empty(len(labels), int)
    for label in np.unique(labels):
        of_class = labels == label
        rank[of_class] = np.arange(np.sum(of_class))
    chosen = {"test": (0, 1), "validation": (2,), "train": range(3, 10)}[split]
    taken = np.isin(rank % 10, chosen)
    grey = np.rint(pixels[taken] * (255 / 16)).astype(np.uint8)
    images = np.repeat(grey.repeat(2, axis=1).repeat(2, axis=2)[..., None], 3, axis=-1)
    return images, labels[taken].astype(np.int32)
