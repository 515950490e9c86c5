"""Training on corrupted images, beside each corruption by itself."""

import jax
import numpy as np
import pytest

from selectax.corruptions import corrupt
from selectax.study.training.methods.corruption import corrupted_images
from tests.study.training.methods.tiny_method import CORRUPTION, batch_of, unit_images

IMAGES, LABELS = unit_images(24)


def corrupted(strength, names=("contrast", "brightness")):
    options = CORRUPTION | {"training_corruptions": names}
    return np.asarray(corrupted_images(batch_of(None, IMAGES, LABELS, strength, **options)))


@pytest.mark.parametrize("severity", [1, 5])
def test_each_image_has_one_of_the_corruptions_at_the_severity(severity):
    """These corruptions are not random."""
    key = jax.random.key(0)
    choices = [corrupt(key, IMAGES, name, severity) for name in ("contrast", "brightness")]
    found = corrupted(severity)
    chosen = [np.abs(found - choice).max((1, 2, 3)) < 1e-6 for choice in choices]
    assert np.all(chosen[0] ^ chosen[1])
    # Either has probability 1/2; 24 images of one kind alone would be a chance of 1 in 10^7.
    assert 4 < chosen[0].sum() < 20


def test_random_corruptions_differ_between_images():
    """Noise that two equal images get is not the same."""
    images = np.repeat(IMAGES[:1], 2, axis=0)
    options = CORRUPTION | {"training_corruptions": ("gaussian_noise",)}
    one, other = corrupted_images(batch_of(None, images, LABELS[:2], 3, **options))
    assert np.abs(one - other).max() > 0.05


def test_at_strength_0_the_images_are_the_same_to_the_bit():
    np.testing.assert_array_equal(corrupted(0), IMAGES)
