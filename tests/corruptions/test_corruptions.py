import io
import tarfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color
import skimage.filters
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from selectax.corruptions import (
    BENCHMARK_CORRUPTIONS,
    CORRUPTIONS,
    corrupt,
    to_published_bytes,
)
from tests.reference import corruptions as reference

KEY = jax.random.key(0)
BENCHMARKS = ("cifar10", "tiny_imagenet", "imagenet")
DETERMINISTIC = ("gaussian_blur", "brightness", "contrast", "pixelate")

# Typed off the published code a second time.
PARAMETERS = {
    "gaussian_noise": [
        [0.04, 0.06, 0.08, 0.09, 0.10],
        [0.04, 0.08, 0.12, 0.15, 0.18],
        [0.08, 0.12, 0.18, 0.26, 0.38],
    ],
    "gaussian_blur": [[0.4, 0.6, 0.7, 0.8, 1], [0.5, 0.75, 1, 1.25, 1.5], [1, 2, 3, 4, 6]],
    "contrast": [
        [0.75, 0.5, 0.4, 0.3, 0.15],
        [0.4, 0.3, 0.2, 0.1, 0.05],
        [0.4, 0.3, 0.2, 0.1, 0.05],
    ],
    "brightness": [
        [0.05, 0.1, 0.15, 0.2, 0.3],
        [0.1, 0.2, 0.3, 0.4, 0.5],
        [0.1, 0.2, 0.3, 0.4, 0.5],
    ],
    "pixelate": [
        [0.95, 0.9, 0.85, 0.75, 0.65],
        [0.9, 0.8, 0.7, 0.6, 0.5],
        [0.6, 0.5, 0.4, 0.3, 0.25],
    ],
}
EVERY = [(benchmark, severity) for benchmark in range(3) for severity in range(1, 6)]

jitted = jax.jit(corrupt, static_argnames=("name", "benchmark"))


def photographs(samples=2, height=12, width=20):
    """Smooth, with black, white and grey places; the values of bytes."""
    generator = np.random.default_rng(0)
    waves = generator.normal(size=(samples, height, width, 3)).cumsum(axis=1).cumsum(axis=2)
    images = np.clip(0.5 + 0.1 * waves, 0, 1)
    images[:, :2, :2], images[:, 2:4, :2] = 0, 0.4
    return (np.round(255 * images) / 255).astype(np.float32)


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_corruptions_match_the_reference(name, benchmark, severity):
    images = photographs()
    corrupted = jitted(KEY, images, name, severity, benchmark=BENCHMARKS[benchmark])
    parameter = PARAMETERS[name][benchmark][severity - 1]
    expected = [getattr(reference, name)(image, parameter) for image in images]
    np.testing.assert_allclose(corrupted, expected, atol=2e-6)
    assert np.abs(corrupted - images).max() > 0.01


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_noise_is_gaussian_with_the_published_deviation(benchmark, severity):
    images = np.full((4, 40, 50, 3), 0.5, np.float32)
    corrupted = jitted(KEY, images, "gaussian_noise", severity, benchmark=BENCHMARKS[benchmark])
    deviation = PARAMETERS["gaussian_noise"][benchmark][severity - 1]
    noise = np.asarray(corrupted - images, np.float64).ravel()
    noise = noise[np.abs(noise) < 0.5]  # the rest is cut at black and white
    cut = stats.truncnorm(-0.5 / deviation, 0.5 / deviation, scale=deviation)
    assert stats.kstest(noise, cut.cdf).pvalue > 1e-3


def test_each_sample_has_its_own_noise_from_the_key_and_its_position():
    images = np.full((3, 8, 8, 3), 0.5, np.float32)
    noisy = corrupt(KEY, images, "gaussian_noise", 3)
    assert np.abs(noisy[0] - noisy[1]).min() < np.abs(noisy[0] - noisy[1]).max()
    np.testing.assert_array_equal(noisy, corrupt(KEY, images, "gaussian_noise", 3))
    np.testing.assert_allclose(noisy[:2], corrupt(KEY, images[:2], "gaussian_noise", 3), atol=1e-6)
    assert np.any(noisy != corrupt(jax.random.key(1), images, "gaussian_noise", 3))


@pytest.mark.parametrize("severity", range(1, 6))
def test_gaussian_blur_matches_scikit_image(severity):
    images = photographs(height=20, width=33)
    sigma = PARAMETERS["gaussian_blur"][2][severity - 1]
    expected = [
        skimage.filters.gaussian(image.astype(np.float64), sigma, mode="nearest", channel_axis=-1)
        for image in images
    ]
    corrupted = corrupt(KEY, images, "gaussian_blur", severity, benchmark="imagenet")
    np.testing.assert_allclose(corrupted, expected, atol=1e-6)


@pytest.mark.parametrize("severity", range(1, 6))
def test_brightness_matches_scikit_image(severity):
    images = photographs()
    hsv = skimage.color.rgb2hsv(images.astype(np.float64))
    hsv[..., 2] = np.clip(hsv[..., 2] + PARAMETERS["brightness"][0][severity - 1], 0, 1)
    corrupted = corrupt(KEY, images, "brightness", severity)
    np.testing.assert_allclose(corrupted, skimage.color.hsv2rgb(hsv), atol=1e-6)


@pytest.mark.parametrize("shape", [(32, 32), (64, 64), (224, 224), (31, 50)])
@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_pixelate_equals_pillow_in_every_byte(benchmark, severity, shape):
    height, width = shape
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    share = PARAMETERS["pixelate"][benchmark][severity - 1]
    expected = (
        Image.fromarray(image)
        .resize((int(width * share), int(height * share)), Image.BOX)
        .resize((width, height), Image.BOX)
    )
    images = image[None].astype(np.float32) / 255
    corrupted = jitted(KEY, images, "pixelate", severity, benchmark=BENCHMARKS[benchmark])
    np.testing.assert_array_equal(to_published_bytes(corrupted)[0], np.asarray(expected))


def cifar_10_c(folder, name):
    """The first 100 true test images, and what the original code made of them."""
    with tarfile.open(folder / "cifar-10-binary.tar.gz") as archive:
        records = archive.extractfile("cifar-10-batches-bin/test_batch.bin").read(100 * 3073)
    records = np.frombuffer(records, np.uint8).reshape(100, 3073)
    clean = records[:, 1:].reshape(100, 3, 32, 32).transpose(0, 2, 3, 1)
    with tarfile.open(folder / "CIFAR-10-C.tar") as archive:
        published = np.load(io.BytesIO(archive.extractfile(f"CIFAR-10-C/{name}.npy").read()))
    return clean.astype(np.float32) / 255, published.reshape(5, 100, 32, 32, 3)


# Truncation makes a byte of the last bit of a float, wherever the exact result is a whole byte: in
# flat places of a blurred image, and where a multiple of 1/5 is added to a byte.
@pytest.mark.parametrize(
    ("name", "share"),
    [("gaussian_blur", 0.006), ("brightness", 0.04), ("contrast", 0), ("pixelate", 0)],
)
def test_published_images_come_out(name, share, real_data):
    clean, published = cifar_10_c(real_data, name)
    for severity in range(1, 6):
        ours = np.asarray(to_published_bytes(jitted(KEY, clean, name, severity)), int)
        differing = np.abs(ours - published[severity - 1])
        assert differing.max() <= (1 if share else 0)
        assert np.mean(differing > 0) <= share


def test_published_noise_is_as_strong(real_data):
    clean, published = cifar_10_c(real_data, "gaussian_noise")
    for severity in range(1, 6):
        ours = to_published_bytes(jitted(KEY, clean, "gaussian_noise", severity))
        shifts = [
            np.asarray(images, np.float64) / 255 - clean
            for images in (ours, published[severity - 1])
        ]
        np.testing.assert_allclose(*(shift.std() for shift in shifts), rtol=0.01)
        np.testing.assert_allclose(*(shift.mean() for shift in shifts), atol=1e-3)
        assert stats.ks_2samp(*(shift.ravel()[::7] for shift in shifts)).statistic < 0.01


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_severity_is_traced(name, benchmark):
    images = photographs()
    traces = []

    @jax.jit
    def attempt(severity):
        traces.append(None)
        return corrupt(KEY, images, name, severity, benchmark=benchmark)

    for severity in range(1, 6):
        eager = corrupt(KEY, images, name, severity, benchmark=benchmark)
        np.testing.assert_allclose(attempt(severity), eager, atol=2e-6)
    assert len(traces) == 1
    together = jax.vmap(attempt)(jnp.arange(1, 6))
    assert together.shape == (5, *images.shape)
    np.testing.assert_allclose(together[4], eager, atol=2e-6)


@given(
    st.sampled_from(CORRUPTIONS),
    st.integers(1, 5),
    st.sampled_from(BENCHMARKS),
    st.sampled_from([(0, 4, 4, 3), (1, 1, 1, 3), (2, 5, 3, 1), (1, 2, 7, 3)]),
    st.sampled_from([0, 1, None]),
)
def test_any_shape_stays_in_the_unit_interval(name, severity, benchmark, shape, value):
    images = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    if value is not None:
        images = np.full_like(images, value)
    corrupted = jitted(KEY, images, name, severity, benchmark=benchmark)
    assert corrupted.shape == shape
    assert corrupted.dtype == jnp.float32
    assert np.all((corrupted >= 0) & (corrupted <= 1))


@pytest.mark.parametrize("name", ["gaussian_noise", "gaussian_blur", "brightness", "contrast"])
def test_gradients_are_finite(name):
    images = photographs()
    slope = jax.grad(lambda images: jnp.sum(corrupt(KEY, images, name, 3) ** 2))(images)
    assert np.all(np.isfinite(slope))
    assert np.any(slope != 0)


def test_names_are_those_of_the_benchmark():
    assert set(BENCHMARK_CORRUPTIONS) <= set(CORRUPTIONS)
    assert set(CORRUPTIONS) - set(BENCHMARK_CORRUPTIONS) == {"gaussian_blur"}


def test_bytes_survive_the_way_to_floats_and_back():
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(
        jax.jit(to_published_bytes)(values.astype(np.float32) / 255), values
    )
    np.testing.assert_array_equal(to_published_bytes(np.float32([0.999, 1.0])), [254, 255])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "gausian_blur"}, ValueError, "name.*gaussian_blur"),
        ({"benchmark": "cifar"}, ValueError, "benchmark.*cifar10"),
        ({"severity": 0}, ValueError, "severity"),
        ({"severity": 6}, ValueError, "severity"),
        ({"severity": jnp.asarray(6)}, ValueError, "severity"),
        ({"severity": 1.0}, TypeError, "severity"),
        ({"severity": np.array([1, 2])}, TypeError, "severity"),
        ({"images": np.full((1, 4, 4, 3), 1.5, np.float32)}, ValueError, "images"),
        ({"images": np.full((1, 4, 4, 3), -0.1, np.float32)}, ValueError, "images"),
        ({"images": np.full((1, 4, 4, 3), np.nan, np.float32)}, ValueError, "images"),
        ({"images": np.zeros((1, 4, 4, 3), np.uint8)}, TypeError, "images"),
        ({"images": np.zeros((4, 4, 3), np.float32)}, ValueError, "images"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {"images": photographs(), "name": "contrast", "severity": 1, **change}
    with pytest.raises(error, match=message):
        corrupt(KEY, **arguments)
