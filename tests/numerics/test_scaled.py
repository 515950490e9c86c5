import numpy as np
import pytest

from selectax.numerics import scaled


@pytest.mark.parametrize("size", [1e-12, 0.1, 1.0, 3e4, 1e12, 0.0, np.nan, np.inf])
def test_ordinary_sizes_have_scale_1(size):
    assert scaled.scale_for(np.float32(size)) == 1


@pytest.mark.parametrize("size", [1e-30, 1e-14, 1e14, 1e35])
def test_squares_of_extreme_sizes_survive(size):
    size = np.float32(size)
    scale = scaled.scale_for(size)
    share = scaled.divided(size, scale)
    assert np.log2(np.float64(scale)) % 1 == 0
    assert 1 <= share < 4
    assert scaled.multiplied(share, scale) == size


def test_values_are_converted_to_a_larger_scale():
    value, square = np.float32(3), np.float32(9)
    scale, other = np.float32(2**-60), np.float32(2**-58)
    assert scaled.rescaled(value, scale, other) == 3 / 4
    assert scaled.rescaled_square(square, scale, other) == 9 / 16
    assert scaled.rescaled(value, scale, scale) == value
