import math

import jax
import numpy as np
import pytest
import skimage.filters

from selectax.corruptions import corrupt
from tests.corruptions.images import photographs
from tests.corruptions.parameters import EVERY, parameters
from tests.reference import corruptions as reference
from tests.reference import corruptions_by_libraries as libraries

KEY = jax.random.key(0)
IMAGES = photographs(height=24, width=33)


KEYS = [jax.random.fold_in(KEY, position) for position in range(len(IMAGES))]


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_gaussian_blur_matches_the_reference(benchmark, severity):
    images = photographs()
    sigma = parameters("gaussian_blur", benchmark, severity)
    corrupted = corrupt(KEY, images, "gaussian_blur", severity, benchmark=benchmark)
    expected = [reference.gaussian_blur(image, sigma) for image in images]
    np.testing.assert_allclose(corrupted, expected, atol=2e-6)


@pytest.mark.parametrize("severity", range(1, 6))
def test_gaussian_blur_matches_scikit_image(severity):
    sigma = parameters("gaussian_blur", "imagenet", severity)
    expected = [
        skimage.filters.gaussian(image.astype(np.float64), sigma, mode="nearest", channel_axis=-1)
        for image in IMAGES
    ]
    corrupted = corrupt(KEY, IMAGES, "gaussian_blur", severity, benchmark="imagenet")
    np.testing.assert_allclose(corrupted, expected, atol=1e-6)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_defocus_blur_matches_opencv(benchmark, severity):
    radius, alias_blur = parameters("defocus_blur", benchmark, severity)
    corrupted = corrupt(KEY, IMAGES, "defocus_blur", severity, benchmark=benchmark)
    expected = [libraries.defocus_blur(image, radius, alias_blur) for image in IMAGES]
    np.testing.assert_allclose(corrupted, expected, atol=3e-6)


def test_defocus_blur_of_images_smaller_than_the_disk_is_mirrored_on():
    image = photographs(height=8, width=9)
    corrupted = corrupt(KEY, image, "defocus_blur", 5, benchmark="imagenet")
    expected = [
        libraries.defocus_blur(np.pad(one, ((28, 28), (32, 32), (0, 0)), "reflect"), 10, 0.5)
        for one in image
    ]
    np.testing.assert_allclose(corrupted, [one[28:-28, 32:-32] for one in expected], atol=3e-6)


@pytest.mark.parametrize("shape", [(24, 33), (32, 32)])
@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_zoom_blur_matches_scipy(benchmark, severity, shape):
    images = photographs(1, *shape)
    corrupted = corrupt(KEY, images, "zoom_blur", severity, benchmark=benchmark)
    factors = parameters("zoom_blur", benchmark, severity)
    expected = [libraries.zoom_blur(image, factors) for image in images]
    np.testing.assert_allclose(corrupted, expected, atol=3e-6)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_motion_blur_matches_the_loop(benchmark, severity):
    radius, sigma = parameters("motion_blur", benchmark, severity)
    corrupted = corrupt(KEY, IMAGES, "motion_blur", severity, benchmark=benchmark)
    for key, image, result in zip(KEYS, IMAGES, corrupted, strict=True):
        angle = float(jax.random.uniform(key, (), np.float32, -math.pi / 4, math.pi / 4))
        expected = libraries.motion_blur(image, radius, sigma, angle)
        np.testing.assert_allclose(result, expected, atol=3e-6)


def test_motion_angles_fill_the_published_range():
    images = np.zeros((400, 8, 31, 3), np.float32)
    images[:, :, 15] = 1
    corrupted = np.asarray(corrupt(KEY, images, "motion_blur", 5))
    # A vertical line leaves a trail to its left alone, since the way goes to the right.
    assert np.all(corrupted[:, 4, :15].sum((1, 2)) > 0)
    assert np.all(corrupted[:, 4, 16:] == 0)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_glass_blur_matches_the_loop(benchmark, severity):
    sigma, shift, rounds = parameters("glass_blur", benchmark, severity)
    corrupted = corrupt(KEY, IMAGES, "glass_blur", severity, benchmark=benchmark)
    for key, image, result in zip(KEYS, IMAGES, corrupted, strict=True):
        steps = []
        for turn in range(rounds):
            turn_key = jax.random.fold_in(key, turn)
            bits = np.asarray(jax.random.bits(turn_key, image.shape[:2], np.uint32))
            halves = (bits >> 16, bits & 0xFFFF)
            steps.append([(half * (2 * shift) >> 16).astype(int) - shift for half in halves])
        difference = np.abs(result - libraries.glass_blur(image, sigma, shift, steps))
        # Between the blurs a float just below a byte is truncated to the one before.
        assert difference.max() < 1.01 / 255
        assert np.mean(difference > 1e-5) < 0.1


def test_glass_blur_shifts_are_uniform():
    # A flat image with one bright column shows the shifts of a single round.
    ramp = np.broadcast_to(np.linspace(0, 1, 41)[None, None, :, None], (50, 41, 41, 3))
    corrupted = corrupt(KEY, ramp.astype(np.float32), "glass_blur", 1)
    moved = np.asarray(corrupted - ramp)[:, 3:-3, 3:-3, 0] * 40
    assert np.mean(np.round(moved) == -1) == pytest.approx(0.5, abs=0.02)
    assert np.mean(np.round(moved) == 0) == pytest.approx(0.5, abs=0.02)
