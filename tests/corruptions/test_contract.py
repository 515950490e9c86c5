import itertools
import tarfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selectax.corruptions import BENCHMARK_CORRUPTIONS, CORRUPTIONS, application, corrupt
from selectax.datasets import describe
from tests.corruptions.images import photographs
from tests.corruptions.parameters import BENCHMARKS, parameters

pytestmark = pytest.mark.slow

KEY = jax.random.key(0)
RANDOM = [name for name, corruption in CORRUPTIONS.items() if corruption.is_random]
NOT_RANDOM = [name for name in CORRUPTIONS if name not in RANDOM]
IN_COLOUR = [name for name, corruption in CORRUPTIONS.items() if corruption.needs_colour]


def test_names_are_those_of_the_benchmark():
    """Others may join the table, but not the 15 that the benchmark averages over."""
    assert len(BENCHMARK_CORRUPTIONS) == 15
    extra = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
    assert {*BENCHMARK_CORRUPTIONS, *extra} == set(describe("cifar10_c").corruptions)
    assert set(describe("cifar10_c").corruptions) <= set(CORRUPTIONS)


def test_names_are_those_of_the_published_files(real_data):
    with tarfile.open(real_data / "CIFAR-10-C.tar") as archive:
        files = {name.removeprefix("CIFAR-10-C/") for name in archive.getnames()}
    assert {f"{name}.npy" for name in describe("cifar10_c").corruptions} == {
        file for file in files if file.endswith(".npy") and file != "labels.npy"
    }


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("benchmark", ["cifar10", "imagenet"])
def test_severity_is_traced(name, benchmark):
    images = photographs()
    traces = []

    @jax.jit
    def attempt(severity):
        traces.append(None)
        return corrupt(KEY, images, name, severity, benchmark=benchmark)

    results = [np.asarray(attempt(severity)) for severity in range(1, 6)]
    assert len(traces) == 1
    for one, other in itertools.pairwise(results):
        assert np.any(one != other)
    np.testing.assert_array_equal(attempt(9), results[4])
    np.testing.assert_array_equal(attempt(-1), results[0])


def test_severities_are_the_published_ones():
    for name in sorted(set(CORRUPTIONS) - {"zoom_blur", "elastic_transform"}):
        for benchmark in BENCHMARKS:
            published = [parameters(name, benchmark, severity) for severity in range(1, 6)]
            np.testing.assert_array_equal(CORRUPTIONS[name].severities[benchmark], published)
    for benchmark, size in zip(BENCHMARKS, (32, 64, 224), strict=True):
        for severity in range(1, 6):
            of_all = {
                name: CORRUPTIONS[name].severities[benchmark][severity - 1] for name in CORRUPTIONS
            }
            np.testing.assert_allclose(
                size * np.array(of_all["elastic_transform"]),
                parameters("elastic_transform", benchmark, severity),
            )
            factors = parameters("zoom_blur", benchmark, severity)
            np.testing.assert_allclose(
                of_all["zoom_blur"], (factors[-1], factors[1] - factors[0]), atol=1e-9
            )


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severities_and_keys_can_be_mapped_over(name):
    images = photographs(1)
    together = jax.vmap(lambda severity: corrupt(KEY, images, name, severity))(jnp.arange(1, 6))
    assert together.shape == (5, *images.shape)
    apart = np.stack([corrupt(KEY, images, name, severity) for severity in (2, 5)])
    # A byte's edge may be met on its other side, where there are bytes in between.
    assert np.mean(np.abs(together[np.array([1, 4])] - apart) > 1e-5) < 0.02
    keys = jax.random.split(KEY, 3)
    of_keys = jax.vmap(lambda key: corrupt(key, images, name, 3))(keys)
    assert np.mean(np.abs(of_keys[1] - corrupt(keys[1], images, name, 3)) > 1e-5) < 0.02


@pytest.mark.parametrize("name", CORRUPTIONS)
@settings(max_examples=12)
@given(
    st.integers(1, 5),
    st.one_of(st.none(), st.floats(0, 1, width=32)),
    st.integers(0, 2**32 - 1),
)
def test_results_are_images(name, severity, value, seed):
    shape = (2, 12, 20, 3)
    images = np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)
    if value is not None:
        images = np.full_like(images, value)
    key = jax.random.key(seed)
    corrupted = np.asarray(corrupt(key, images, name, severity))
    assert corrupted.shape == shape
    assert corrupted.dtype == np.float32
    assert np.all((corrupted >= 0) & (corrupted <= 1))
    np.testing.assert_array_equal(corrupted, corrupt(key, images, name, severity))
    if value is not None and CORRUPTIONS[name].keeps_flat_images:
        np.testing.assert_allclose(corrupted, value, atol=1.01 / 255)


@pytest.mark.parametrize("name", CORRUPTIONS)
@settings(max_examples=2)  # each compiles, for 19 names
@given(
    st.integers(8, 150),
    st.integers(8, 150),
    st.sampled_from(BENCHMARKS),
    st.integers(1, 5),
)
def test_any_size_will_do(name, height, width, benchmark, severity):
    images = photographs(1, height, width)
    corrupted = np.asarray(corrupt(KEY, images, name, severity, benchmark=benchmark))
    assert corrupted.shape == images.shape
    assert np.all((corrupted >= 0) & (corrupted <= 1))
    assert np.any(corrupted != images)


@pytest.mark.parametrize("name", RANDOM)
def test_each_sample_has_its_own_randomness(name):
    images = np.repeat(photographs(1), 2, axis=0)
    corrupted = np.asarray(corrupt(KEY, images, name, 5))
    assert np.any(corrupted[0] != corrupted[1])
    assert np.any(corrupted != np.asarray(corrupt(jax.random.key(1), images, name, 5)))


@pytest.mark.parametrize("name", NOT_RANDOM)
def test_others_do_not_depend_on_the_key(name):
    images = np.repeat(photographs(1), 2, axis=0)
    corrupted = np.asarray(corrupt(KEY, images, name, 5))
    np.testing.assert_array_equal(corrupted[0], corrupted[1])
    np.testing.assert_array_equal(corrupted, corrupt(jax.random.key(1), images, name, 5))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_parts_of_a_batch_come_out_as_the_whole(name, monkeypatch):
    images = photographs(7)
    whole = np.asarray(corrupt(KEY, images, name, 4))
    for number in ("_PIXELS_AT_A_TIME", "_PIXELS_AT_A_TIME_ON_CPU"):
        monkeypatch.setattr(application, number, 2 * 12 * 20)
    jax.clear_caches()
    parts = np.asarray(corrupt(KEY, images, name, 4))
    jax.clear_caches()
    np.testing.assert_allclose(parts, whole, atol=1.01 / 255)
    assert np.mean(np.abs(parts - whole) > 1e-5) < 0.01


def test_no_images_are_no_images():
    assert corrupt(KEY, np.zeros((0, 8, 8, 3), np.float32), "snow", 1).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("name", IN_COLOUR)
def test_grey_images_are_corrupted_as_their_colours_would_be(name):
    images = photographs()[..., :1]
    corrupted = corrupt(KEY, images, name, 4)
    in_colour = np.asarray(corrupt(KEY, np.repeat(images, 3, axis=-1), name, 4))
    np.testing.assert_allclose(corrupted[..., 0], in_colour @ [0.299, 0.587, 0.114], atol=2e-6)


@pytest.mark.parametrize(
    "name",
    [
        *("gaussian_noise", "speckle_noise", "impulse_noise", "gaussian_blur", "defocus_blur"),
        *("motion_blur", "zoom_blur", "brightness", "contrast", "saturate", "fog", "snow", "frost"),
        *("elastic_transform", "spatter"),
    ],
)
def test_gradients_are_finite(name):
    images = photographs()
    slope = jax.grad(lambda images: jnp.sum(corrupt(KEY, images, name, 3) ** 2))(images)
    assert np.all(np.isfinite(slope))
    assert np.any(slope != 0)
