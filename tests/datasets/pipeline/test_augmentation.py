"""Augmentation of images of 32 and 64 pixels: every outcome is one that may be, and all occur."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.datasets.pipeline.augmentation import augment, random_resized_crop, resized_crop


def some_images(samples, size, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, (samples, size, size, 3)).astype(dtype)


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_image_is_a_crop_of_its_padded_self(size, dtype):
    images = some_images(24, size, dtype)
    augmented = np.asarray(jax.jit(augment)(jax.random.key(0), images))
    assert augmented.dtype == dtype
    corners = set()
    for image, ours in zip(images, augmented, strict=True):
        padded = np.pad(image, ((4, 4), (4, 4), (0, 0)))
        found = [
            (top, left, flip)
            for top in range(9)
            for left in range(9)
            for flip in (1, -1)
            if np.array_equal(padded[top : top + size, left : left + size][:, ::flip], ours)
        ]
        assert len(found) == 1
        corners.add(found[0])
    assert len(corners) > 15
    assert {flip for *_, flip in corners} == {1, -1}


def test_all_corners_and_both_sides_are_drawn_evenly():
    image = np.arange(32 * 32, dtype=np.float32).reshape(1, 32, 32, 1) + 1
    augmented = np.asarray(jax.jit(augment)(jax.random.key(1), np.repeat(image, 8100, 0)))[..., 0]
    flipped = augmented[:, 16, 17] < augmented[:, 16, 16]
    assert abs(np.mean(flipped) - 0.5) < 0.03
    upright = np.where(flipped[:, None, None], augmented[:, :, ::-1], augmented)
    top, left = np.divmod(upright[:, 16, 16] - 1, 32)
    counts = np.histogram2d(top, left, bins=9, range=[[11.5, 20.5]] * 2)[0]
    assert counts.sum() == 8100
    assert np.sum((counts - 100) ** 2 / 100) < 130  # chi-squared of 80 degrees: p = 0.0003


@pytest.mark.slow
def test_no_flip_where_classes_are_not_symmetric():
    image = np.arange(32, dtype=np.uint8)[None, None, :, None].repeat(32, 1).repeat(64, 0)
    for change in (augment, random_resized_crop):
        unchanged = np.asarray(change(jax.random.key(0), image, horizontal_flip=False))
        assert np.all(unchanged[:, 16, 24, 0] > unchanged[:, 16, 8, 0])


@pytest.mark.parametrize("size", [32, 64])
def test_whole_image_is_itself(size):
    images = some_images(4, size)
    options = {"area": (1, 1), "aspect_ratio": (1, 1), "horizontal_flip": False}
    whole = jax.jit(functools.partial(random_resized_crop, **options))(jax.random.key(0), images)
    np.testing.assert_array_equal(whole, images)


@pytest.mark.peer
@pytest.mark.parametrize(("top", "left", "height", "width"), [(8, 16, 32, 24), (0, 0, 48, 16)])
def test_crop_is_torchvisions(top, left, height, width):
    """Inside: torchvision does not look beyond the rectangle's edge."""
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms.functional")
    image = some_images(1, 64, np.float32)[0]
    corner, shares = jnp.array([top, left]) / 64, jnp.array([height, width]) / 64
    ours = np.asarray(resized_crop(jnp.asarray(image), corner, shares))
    theirs = transforms.resized_crop(
        torch.tensor(image.transpose(2, 0, 1)), top, left, height, width, [64, 64]
    )
    theirs = theirs.numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(ours[4:-4, 4:-4], theirs[4:-4, 4:-4], atol=1e-2)


def test_areas_and_ratios_are_those_asked_for():
    """A plane of coordinates tells which rectangle was taken."""
    rows, columns = np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij")
    plane = np.stack([rows, columns, rows], -1).astype(np.float32)
    crops = np.asarray(
        jax.jit(random_resized_crop)(jax.random.key(2), np.repeat(plane[None], 500, 0))
    )
    height = (crops[:, 40, 32, 0] - crops[:, 24, 32, 0]) / 16
    width = np.abs(crops[:, 32, 40, 1] - crops[:, 32, 24, 1]) / 16
    area, ratio = height * width, width / height
    assert 0.2 < area.min() < 0.3
    assert 0.9 < area.max() <= 1 + 1e-5
    assert 3 / 4 - 1e-3 < ratio.min() < 0.85
    assert 1.2 < ratio.max() < 4 / 3 + 1e-3
    assert abs(np.mean(crops[:, 32, 40, 1] < crops[:, 32, 24, 1]) - 0.5) < 0.1
    assert crops.min() >= 0
    assert crops.max() <= 63


def test_bytes_stay_bytes():
    cropped = random_resized_crop(jax.random.key(0), some_images(4, 32))
    assert cropped.dtype == np.uint8
    assert cropped.shape == (4, 32, 32, 3)


@pytest.mark.parametrize("function", [augment, random_resized_crop])
def test_draws_are_the_same_in_processes_of_64_bits(function):
    images, key = some_images(16, 32), jax.random.key(0)
    narrow = np.asarray(jax.jit(function)(key, images))
    with jax.enable_x64(True):
        np.testing.assert_array_equal(jax.jit(function)(key, images), narrow)
