import numpy as np

from selectax.numerics import compensated


def test_a_state_in_float64_becomes_one_in_float32_with_its_remainder():
    mean = np.float64(1000.00001)
    rounded, remainder = compensated.narrowed(mean, np.float64(1e-9), np.float32)
    assert rounded.dtype == remainder.dtype == np.float32
    np.testing.assert_allclose(np.float64(rounded) + np.float64(remainder), mean + 1e-9, rtol=1e-14)


def test_a_sum_and_its_remainder_are_exact():
    a, b = np.float32(1000), np.float32(1e-5)
    total, remainder = compensated.add(a, b)
    assert total == a
    assert np.float64(total) + np.float64(remainder) == np.float64(a) + np.float64(b)


def test_a_weighted_mean_keeps_what_float32_rounds_off():
    a, b = (np.float32(1000), np.float32(1e-5)), (np.float32(1000), np.float32(3e-5))
    mean, remainder, difference = compensated.weighted_mean(a, b, np.float32(0.25))
    np.testing.assert_allclose(np.float64(mean) - 1000 + np.float64(remainder), 1.5e-5, rtol=1e-5)
    np.testing.assert_allclose(difference, 2e-5, rtol=1e-5)
