"""The embedded digits at the size for which the networks and the committed figures are."""

import numpy as np

from selectax.datasets import load

SIZE = 32


def load_large_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 of shape (samples, 32, 32, 3), each pixel repeated, and labels, int32."""
    images, labels = load("digits", split)
    times = SIZE // images.shape[1]
    return images.repeat(times, axis=1).repeat(times, axis=2), labels
