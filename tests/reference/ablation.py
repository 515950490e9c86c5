"""Ablation in float64, one mask and one sample at a time, of a rectified two-layer network."""

import numpy as np


def logits(image, first, second, mask):
    """relu(image @ first) · mask @ second, of one image."""
    hidden = np.maximum(np.asarray(image, np.float64) @ first, 0)
    return np.array([hidden[unit] * mask[unit] for unit in range(len(hidden))]) @ second


def accuracy(images, labels, first, second, masks, where):
    """Share of the samples that count which are classified correctly, for each mask."""
    shares = []
    for mask in masks:
        right = [
            np.argmax(logits(image, first, second, mask)) == label
            for image, label, counts in zip(images, labels, where, strict=True)
            if counts
        ]
        shares.append(np.mean(right) if right else 0)
    return np.array(shares)


def order(selectivity, descending):
    """Units from the first to the last to be switched off."""
    sign = -1 if descending else 1
    return sorted(range(len(selectivity)), key=lambda unit: (sign * selectivity[unit], unit))
