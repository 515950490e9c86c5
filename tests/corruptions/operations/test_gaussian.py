import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from selectax.corruptions.operations import gaussian
from selectax.corruptions.operations.gaussian import gaussian_matrices, smooth
from tests.corruptions.images import photographs


@pytest.mark.parametrize("sigma", [0, 0.5, 6])
def test_long_axes_are_smoothed_as_by_scipy(sigma):
    """By kernels along the columns, and by matrices along the rows."""
    image = np.random.default_rng(0).uniform(size=(9, 600, 2)).astype(np.float32)
    rows, columns = gaussian_matrices((sigma, 8), image.shape)
    assert rows.shape == (2, 9, 9)
    assert columns.shape == (2, 65)
    smoothed = smooth((rows[0], columns[0]), image)
    expected = image.astype(np.float64)
    if sigma:
        expected = ndimage.gaussian_filter(expected, (sigma, sigma, 0), mode="nearest")
    np.testing.assert_allclose(smoothed, expected, atol=1e-6)


@pytest.mark.parametrize("sigma", [0, 0.4, 3, 40, 200])
def test_long_mirrored_lines_are_smoothed_as_short_ones(sigma, monkeypatch):
    image = photographs(1, 37, 50)[0]
    options = {"truncate": 3, "border": "reflect"}
    matrices = gaussian_matrices([sigma], image.shape, **options)
    monkeypatch.setattr(gaussian, "_LONG", 0)
    monkeypatch.setattr(gaussian, "_ROWS_AT_A_TIME", 16)
    kernels = gaussian_matrices([sigma], image.shape, **options)
    assert [kernel.shape for kernel in kernels] == [(1, 74), (1, 100)]
    expected = smooth(tuple(matrix[0] for matrix in matrices), image)
    smoothed = smooth(tuple(jnp.asarray(kernel[0]) for kernel in kernels), image)
    np.testing.assert_allclose(smoothed, expected, atol=2e-6)
