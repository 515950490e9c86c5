"""Responses of which the selectivity in every basis, or in the best one, is known."""

import numpy as np

CLASSES = 4


def one_hot_code(samples=40, seed=0):
    """Responses of four units, each to one class alone, and labels."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples, dtype=np.int32) % CLASSES
    responses = np.eye(CLASSES)[labels] * generator.uniform(1, 2, (samples, CLASSES))
    return responses, labels


def rotation(units=CLASSES, seed=1):
    """An orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(units, units)))[0]


def gamma_responses(samples=40, units=CLASSES, seed=2):
    """Noisy responses, stronger to some classes, and labels of three classes and −1."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(-1, CLASSES - 1, samples).astype(np.int32)
    means = generator.gamma(1, size=(CLASSES, units))
    return generator.gamma(2, size=(samples, units)) * means[labels], labels
