"""Eigenvalues are those of NumPy in float64, below and above the size that is bisected."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.numerics.eigenvalues import descending_eigenvalues


def covariance(units):
    return np.cov(np.random.default_rng(0).normal(size=(units, 40))).astype(np.float32)


@pytest.mark.parametrize("units", [7, 255, 256])
def test_they_are_numpys_from_large_to_small(units):
    expected = np.linalg.eigvalsh(covariance(units).astype(np.float64))[::-1]
    found = jax.jit(descending_eigenvalues)(covariance(units))
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected[0])
    assert np.all(np.asarray(found) >= 0)


@pytest.mark.parametrize("entry", [np.nan, np.inf])
def test_an_entry_that_is_not_finite_makes_all_nan(entry):
    matrix = jnp.asarray(covariance(7)).at[2, 5].set(entry)
    assert np.all(np.isnan(jax.jit(descending_eigenvalues)(matrix)))
