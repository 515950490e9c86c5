import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color

from selectax.corruptions import corrupt
from selectax.corruptions.operations.fractal import diamond_square
from tests.corruptions.images import photographs
from tests.corruptions.parameters import EVERY, parameters
from tests.reference import corruptions as reference
from tests.reference import corruptions_by_libraries as libraries

KEY = jax.random.key(0)
IMAGES = photographs(height=24, width=33)


KEYS = [jax.random.fold_in(KEY, position) for position in range(len(IMAGES))]


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_brightness_matches_the_reference(benchmark, severity):
    images = photographs()
    amount = parameters("brightness", benchmark, severity)
    corrupted = corrupt(KEY, images, "brightness", severity, benchmark=benchmark)
    expected = [reference.brightness(image, amount) for image in images]
    np.testing.assert_allclose(corrupted, expected, atol=2e-6)


@pytest.mark.parametrize("severity", range(1, 6))
def test_brightness_matches_scikit_image(severity):
    hsv = skimage.color.rgb2hsv(IMAGES.astype(np.float64))
    hsv[..., 2] = np.clip(hsv[..., 2] + parameters("brightness", "cifar10", severity), 0, 1)
    corrupted = corrupt(KEY, IMAGES, "brightness", severity)
    np.testing.assert_allclose(corrupted, skimage.color.hsv2rgb(hsv), atol=1e-6)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_snow_matches_the_original_procedure(benchmark, severity):
    height, width = IMAGES.shape[1:3]
    corrupted = corrupt(KEY, IMAGES, "snow", severity, benchmark=benchmark)
    for key, image, result in zip(KEYS, IMAGES, corrupted, strict=True):
        layer_key, angle_key = jax.random.split(key)
        noise = jax.random.normal(layer_key, (height, width, 1), np.float32)
        noise = np.asarray(noise, np.float64)[..., 0]
        angle = jax.random.uniform(angle_key, (), np.float32, -3 * math.pi / 4, -math.pi / 4)
        expected = libraries.snow(
            image, *parameters("snow", benchmark, severity), noise, float(angle)
        )
        # A flake's byte may be truncated to the one before.
        difference = np.abs(result - expected)
        assert difference.max() < 2.1 / 255
        assert np.mean(difference > 1e-5) < 0.02


def levels(noise, side):
    """The noise of each step: squares, and both kinds of diamonds."""
    noise, steps, count = np.asarray(noise, np.float64), [], 1
    while count < side:
        steps.append(noise[: 3 * count**2].reshape(3, count, count))
        noise, count = noise[3 * count**2 :], 2 * count
    return steps


@pytest.mark.parametrize("side", [2, 8, 64])
@pytest.mark.parametrize("decay", [1.4, 3])
def test_fractal_matches_the_loop(side, decay):
    noise = jax.random.uniform(KEY, (side**2 - 1,), np.float32, -1, 1)
    expected = libraries.plasma_fractal(side, decay, levels(noise, side))
    fractal = jax.jit(diamond_square, static_argnums=1)(KEY, side, jnp.float32(decay))
    np.testing.assert_allclose(fractal, expected, atol=2e-6)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_fog_matches_the_original_procedure(benchmark, severity):
    amount, decay = parameters("fog", benchmark, severity)
    corrupted = corrupt(KEY, IMAGES, "fog", severity, benchmark=benchmark)
    for key, image, result in zip(KEYS, IMAGES, corrupted, strict=True):
        noise = jax.random.uniform(key, (64**2 - 1,), np.float32, -1, 1)
        fractal = libraries.plasma_fractal(64, decay, levels(noise, 64))
        np.testing.assert_allclose(result, libraries.fog(image, amount, fractal), atol=3e-6)


def test_fog_leaves_black_black():
    black = np.zeros((1, 16, 16, 3), np.float32)
    assert not np.any(corrupt(KEY, black, "fog", 5))
