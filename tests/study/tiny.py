"""Networks and images small enough for tests."""

import flax.linen as nn
import numpy as np


class TinyNetwork(nn.Module):
    """Two layers, of 5 and 4 units, and 3 logits."""

    @nn.compact
    def __call__(self, images, train=False):
        """Logits and activations."""
        first = nn.relu(nn.Conv(5, (3, 3), strides=2)(images))
        second = nn.relu(nn.Conv(4, (3, 3))(first))
        return nn.Dense(3)(second.mean((1, 2))), {"first": first, "second": second}


def bytes_and_labels(samples, seed=0):
    """Images of 6 × 6 whose colours tell three classes apart."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, samples).astype(np.int32)
    images = generator.integers(0, 120, (samples, 6, 6, 3))
    images[np.arange(samples), :, :, labels] += 60
    return images.astype(np.uint8), labels
