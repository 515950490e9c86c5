import jax
import numpy as np
import pytest
from scipy import stats

from selectax.corruptions import corrupt
from tests.corruptions.parameters import EVERY, parameters

KEY = jax.random.key(0)
GREY = np.full((16, 40, 50, 3), 0.5, np.float32)


def noise_on(images, name, severity, benchmark):
    return (
        np.asarray(corrupt(KEY, images, name, severity, benchmark=benchmark), np.float64) - images
    )


def assert_normal(noise, deviation):
    noise = noise[np.abs(noise) < 0.5]  # the rest is cut at black and white
    cut = stats.truncnorm(-0.5 / deviation, 0.5 / deviation, scale=deviation)
    assert stats.kstest(noise, cut.cdf).pvalue > 1e-3
    assert np.std(noise) == pytest.approx(cut.std(), rel=0.01)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_gaussian_noise_has_the_published_deviation(benchmark, severity):
    noise = noise_on(GREY, "gaussian_noise", severity, benchmark)
    assert_normal(noise.ravel(), parameters("gaussian_noise", benchmark, severity))


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_speckle_noise_is_proportional_to_the_value(benchmark, severity):
    deviation = parameters("speckle_noise", benchmark, severity)
    assert_normal(noise_on(GREY, "speckle_noise", severity, benchmark).ravel(), deviation / 2)
    assert not np.any(noise_on(0 * GREY, "speckle_noise", severity, benchmark))


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_shot_noise_counts_photons(benchmark, severity):
    photons = parameters("shot_noise", benchmark, severity)
    for value in (2 / 255, 0.3, 0.5):
        noisy = value + noise_on(np.full_like(GREY, value), "shot_noise", severity, benchmark)
        counts = np.round(noisy * photons)
        np.testing.assert_allclose(counts, noisy * photons, atol=1e-3)
        expected = stats.poisson(photons * np.float32(value))
        # No farther from the distribution than as many draws from it.
        at = np.arange(photons)
        observed = np.searchsorted(np.sort(counts.ravel()), at, side="right") / counts.size
        assert np.abs(observed - expected.cdf(at)).max() < 1.95 / np.sqrt(counts.size)
    assert not np.any(noise_on(0 * GREY, "shot_noise", severity, benchmark))


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_impulse_noise_makes_a_share_of_the_values_black_or_white(benchmark, severity):
    noisy = np.asarray(corrupt(KEY, GREY, "impulse_noise", severity, benchmark=benchmark))
    share = parameters("impulse_noise", benchmark, severity)
    for value in (0, 1):
        count = np.sum(noisy == value)
        assert stats.binomtest(int(count), noisy.size, share / 2).pvalue > 1e-3
    assert np.all((noisy == 0) | (noisy == 1) | (noisy == 0.5))
    pixels = noisy != 0.5
    together = np.mean(pixels[..., 0] & pixels[..., 1])
    assert together < 2 * share**2 + 1e-3


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"])
def test_each_sample_has_its_own_noise_from_the_key_and_its_position(name):
    images = np.full((3, 8, 8, 3), 0.5, np.float32)
    noisy = corrupt(KEY, images, name, 5)
    assert np.any(noisy[0] != noisy[1])
    np.testing.assert_array_equal(noisy, corrupt(KEY, images, name, 5))
    np.testing.assert_allclose(noisy[:2], corrupt(KEY, images[:2], name, 5), atol=1e-6)
    assert np.any(noisy != corrupt(jax.random.key(1), images, name, 5))
