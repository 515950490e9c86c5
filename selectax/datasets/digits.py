"""Loads the handwritten digits that scikit-learn includes, as small colour images."""

import numpy as np
from jaxtyping import Int32, UInt8


def load(
    split: str,
) -> tuple[UInt8[np.ndarray, "samples 16 16 3"], Int32[np.ndarray, "samples"]]:
    """Loads one split of the 1,797 digits.

    Each of the 8 × 8 grey pixels is repeated 2 × 2 times in three channels. Grey levels from 0 to
    16 are scaled to 0 to 255 and rounded. Within each class, in scikit-learn's order, images whose
    rank modulo 10 is 0 or 1 form the test split, 2 the validation split, and the others the train
    split.

    Args:
      split: name of the split: "train", "validation" or "test".

    References:
      E. Alpaydin, C. Kaynak, 1998, "Optical recognition of handwritten digits", UCI Machine
      Learning Repository.
    """
    # Imported here because importing scikit-learn takes a second.
    import sklearn.datasets

    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    rank = np.empty(len(labels), int)
    for label in np.unique(labels):
        of_class = labels == label
        rank[of_class] = np.arange(np.sum(of_class))
    chosen = {"test": (0, 1), "validation": (2,), "train": range(3, 10)}[split]
    taken = np.isin(rank % 10, chosen)
    grey = np.rint(pixels[taken].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.repeat(grey.repeat(2, axis=1).repeat(2, axis=2)[..., None], 3, axis=-1)
    return images, labels[taken].astype(np.int32)
