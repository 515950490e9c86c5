"""Our corruptions of test images: as published, alike for all networks, and made once."""

import dataclasses

import jax
import numpy as np
import pytest

from selectax.corruptions import CORRUPTIONS, Corruption, corrupt, to_published_bytes
from selectax.datasets.pipeline.batches import in_batches
from selectax.study.measures.computation import own_corruptions
from selectax.study.measures.computation.own_corruptions import OwnCorruptions, corrupt_batches
from tests.reference import corruptions as reference
from tests.study.tiny import bytes_and_labels

pytestmark = pytest.mark.slow

IMAGES, LABELS = bytes_and_labels(21)
BATCHES = in_batches(IMAGES, LABELS, 8)
CONTRAST = {1: 0.75, 3: 0.4, 5: 0.15}


@pytest.fixture
def counted(monkeypatch):
    names = []

    def counting(*arguments, name, **options):
        names.append(name)
        return corrupt_batches(*arguments, name=name, **options)

    monkeypatch.setattr(own_corruptions, "corrupt_batches", counting)
    return names


def test_images_are_the_references_at_each_severity():
    clean, stored, paired = OwnCorruptions(BATCHES, "cifar10").corruption("contrast", (5, 1, 3))
    assert paired
    assert clean is BATCHES
    assert stored.shape == (3, 3, 8, 8, 8, 3)
    assert stored.dtype == np.uint8
    for at, severity in enumerate((5, 1, 3)):
        images = np.asarray(stored[:, at])[np.asarray(BATCHES.where)]
        expected = [reference.contrast(image, CONTRAST[severity]) for image in IMAGES / 255]
        published = np.floor(np.clip(expected, 0, 1) * 255 + 1e-6)
        assert np.max(np.abs(images - published)) <= 1
        assert np.mean(images == published) > 0.99


def test_batches_draw_apart_and_severities_alike():
    """As the images would be on their own."""
    key = jax.random.key(3)
    twice = np.tile(np.asarray(BATCHES.images[:1]), (2, 1, 1, 1, 1))
    batches = dataclasses.replace(BATCHES, images=twice)
    found = corrupt_batches(key, batches, (1, 4), name="gaussian_noise", benchmark="cifar10")
    for batch in (0, 1):
        for at, severity in enumerate((1, 4)):
            alone = corrupt(
                jax.random.fold_in(key, batch), twice[batch] / 255, "gaussian_noise", severity
            )
            difference = np.asarray(to_published_bytes(alone), int) - np.asarray(found[batch, at])
            assert np.mean(difference != 0) < 1e-3
    assert np.mean(np.asarray(found[0]) != np.asarray(found[1])) > 0.5


def test_images_are_corrupted_once(counted):
    corrupted = OwnCorruptions(BATCHES, "cifar10")
    first = corrupted.corruption("fog", (1, 2)).images
    np.testing.assert_array_equal(corrupted.corruption("fog", (1, 2)).images, first)
    corrupted.corruption("fog", (2,))
    corrupted.corruption("snow", (1, 2))
    assert counted == ["fog", "fog", "snow"]


def test_what_memory_does_not_hold_is_made_again_and_the_same(counted, monkeypatch):
    monkeypatch.setattr(own_corruptions, "_MOST_BYTES", 2 * BATCHES.images.nbytes + 1)
    corrupted = OwnCorruptions(BATCHES, "cifar10")
    first = [corrupted.corruption(name, (1, 2)).images for name in ("fog", "snow")]
    again = [corrupted.corruption(name, (1, 2)).images for name in ("fog", "snow")]
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert counted == ["fog", "snow", "snow"]


def test_a_corruption_of_ones_own_is_kept_like_a_named_one(counted):
    fade = Corruption(
        name="fade",
        apply=lambda key, image, share: (1 - share) * image,
        severities={"cifar10": (0.1, 0.2, 0.3, 0.4, 0.5)},
    )
    corrupted = OwnCorruptions(BATCHES, "tiny_imagenet", [fade])
    _, stored, _ = corrupted.corruption("fade", (5,))
    expected = np.asarray(BATCHES.images, float) * 0.5
    assert np.max(np.abs(np.asarray(stored[:, 0]) - np.floor(expected + 1e-6))) <= 1
    corrupted.corruption("fade", (5,))
    assert counted == [fade]


def test_a_registered_corruption_draws_as_its_name_does():
    by_name, by_entry = (
        OwnCorruptions(BATCHES, "cifar10", own).corruption("gaussian_noise", (3,)).images
        for own in ((), [CORRUPTIONS["gaussian_noise"]])
    )
    np.testing.assert_array_equal(by_name, by_entry)
