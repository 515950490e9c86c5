"""The handwritten digits that scikit-learn includes, as small colour images."""

import numpy as np
from jaxtyping import Int32, UInt8


def load(
    split: str,
) -> tuple[UInt8[np.ndarray, "samples 16 16 3"], Int32[np.ndarray, "samples"]]:
    """The 1,797 digits, each of their 8 × 8 grey pixels repeated 2 × 2 times in three channels.

    The grey levels 0 .. 16 become 0 .. 255, rounded. The split follows from a digit's rank among
    those of its class, in scikit-learn's order, modulo 10: 0 and 1 are test, 2 is validation, the
    others are train.

    Args:
      split: "train", "validation" or "test".

    References:
      E. Alpaydin, C. Kaynak, 1998, "Optical recognition of handwritten digits", UCI Machine
      Learning Repository.
    """
    # Late, because scikit-learn takes a second.
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
