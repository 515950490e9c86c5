import jax
import numpy as np
import pytest
from PIL import Image

from selectax.corruptions import corrupt, digital, to_published_bytes
from tests.corruptions.images import peak_memory, photographs
from tests.corruptions.parameters import EVERY, parameters
from tests.reference import corruptions as reference
from tests.reference import corruptions_by_libraries as libraries

KEY = jax.random.key(0)
SIZES = {"cifar10": 32, "tiny_imagenet": 64, "imagenet": 224}


@pytest.mark.parametrize("name", ["contrast", "pixelate"])
@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_contrast_and_pixelate_match_the_reference(name, benchmark, severity):
    images = photographs()
    corrupted = corrupt(KEY, images, name, severity, benchmark=benchmark)
    parameter = parameters(name, benchmark, severity)
    expected = [getattr(reference, name)(image, parameter) for image in images]
    np.testing.assert_allclose(corrupted, expected, atol=2e-6)


@pytest.mark.parametrize("shape", [(32, 32), (224, 224), (31, 50)])
@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_pixelate_equals_pillow_in_every_byte(benchmark, severity, shape):
    height, width = shape
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    share = parameters("pixelate", benchmark, severity)
    expected = (
        Image.fromarray(image)
        .resize((int(width * share), int(height * share)), Image.BOX)
        .resize((width, height), Image.BOX)
    )
    images = image[None].astype(np.float32) / 255
    corrupted = corrupt(KEY, images, "pixelate", severity, benchmark=benchmark)
    np.testing.assert_array_equal(to_published_bytes(corrupted)[0], np.asarray(expected))


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_saturate_matches_scikit_image(benchmark, severity):
    images = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3)).astype(np.float32) / 255
    images[:, :8] = images[:, :8, :, :1]
    images[:, :2] = 0
    expected = [libraries.saturate(images[0], *parameters("saturate", benchmark, severity))]
    corrupted = corrupt(KEY, images, "saturate", severity, benchmark=benchmark)
    np.testing.assert_allclose(corrupted, expected, atol=3e-6)


@pytest.mark.parametrize(
    ("benchmark", "shape"),
    [
        ("cifar10", (31, 50)),
        pytest.param("tiny_imagenet", (8, 9), marks=pytest.mark.slow),
        pytest.param("imagenet", (41, 33), marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("severity", range(1, 6))
def test_jpeg_equals_pillow_in_every_byte(benchmark, severity, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    smooth = (255 * photographs(1, *shape)[0] + 0.5).astype(np.uint8)
    quality = parameters("jpeg_compression", benchmark, severity)
    images = np.stack([noise, smooth])
    corrupted = corrupt(
        KEY, images.astype(np.float32) / 255, "jpeg_compression", severity, benchmark=benchmark
    )
    expected = [libraries.jpeg_compression(image, quality) for image in images]
    np.testing.assert_array_equal(to_published_bytes(corrupted), expected)


def test_jpeg_of_a_grey_image_is_that_of_a_grey_file():
    grey = np.random.default_rng(0).integers(0, 256, (24, 20), np.uint8)
    images = grey[None, ..., None].astype(np.float32) / 255
    corrupted = corrupt(KEY, images, "jpeg_compression", 3)
    np.testing.assert_array_equal(
        to_published_bytes(corrupted)[0, ..., 0], libraries.jpeg_compression(grey, 58)
    )


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_elastic_transform_matches_scipy(benchmark, severity):
    size = SIZES[benchmark]
    image = photographs(1, size, size)
    key = jax.random.fold_in(KEY, 0)
    corner_key, field_key = jax.random.split(key)
    corner_draws = jax.random.uniform(corner_key, (3, 2), np.float32, -1, 1)
    field_draws = jax.random.uniform(field_key, (size, size, 2), np.float32, -1, 1)
    amplitude, sigma, shift = parameters("elastic_transform", benchmark, severity)
    expected = libraries.elastic_transform(
        image[0], amplitude, sigma, shift, corner_draws, field_draws
    )
    corrupted = corrupt(KEY, image, "elastic_transform", severity, benchmark=benchmark)
    # Places have a float32's precision, and the images are steep in places.
    np.testing.assert_allclose(corrupted[0], expected, atol=1e-3)


def test_elastic_lengths_are_shares_of_the_shorter_side():
    image = photographs(1, 64, 80)
    key = jax.random.fold_in(KEY, 0)
    corner_key, field_key = jax.random.split(key)
    expected = libraries.elastic_transform(
        image[0],
        0.1 * 64,
        0.04 * 64,
        0.05 * 64,
        jax.random.uniform(corner_key, (3, 2), np.float32, -1, 1),
        jax.random.uniform(field_key, (64, 80, 2), np.float32, -1, 1),
    )
    corrupted = corrupt(KEY, image, "elastic_transform", 4)
    np.testing.assert_allclose(corrupted[0], expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["elastic_transform", "pixelate"])
def test_memory_is_bounded_by_the_images_size(name):
    height, width = 1500, 2000
    image = 4 * height * width * 3
    assert peak_memory(name, height, width) - peak_memory(name, 32, 32) < 12 * image


@pytest.mark.parametrize("shares", [(0.6, 0.5, 0.4, 0.3, 0.25), (0.95, 0.9, 0.85, 0.75, 0.65)])
def test_long_lines_are_resized_as_short_ones(shares, monkeypatch):
    image = photographs(1, 37, 50)[0]

    def at_severity(at):
        tables = digital._down_and_up(shares, image.shape)
        return digital._pixelate(None, image, jax.tree.map(lambda table: table[at], tables))

    def pixelated():
        return [at_severity(at) for at in range(len(shares))]

    short = pixelated()
    monkeypatch.setattr(digital, "_LONG", 0)
    assert isinstance(digital._down_and_up(shares, image.shape)[0], tuple)
    np.testing.assert_array_equal(short, pixelated())
