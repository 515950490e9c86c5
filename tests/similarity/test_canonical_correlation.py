import warnings

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from selectax.similarity import (
    canonical_correlations,
    init_joint_covariance,
    pwcca,
    update_joint_covariance,
)
from tests.reference import similarity as reference
from tests.similarity.layers import rotation, two_layers

A, B = two_layers()


def test_correlations_are_those_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns if it has not converged
        fitted = CCA(n_components=5, max_iter=10_000, tol=1e-10).fit(A, B)
    pairs = zip(*(layer.T for layer in fitted.transform(A, B)), strict=True)
    expected = [np.corrcoef(one, other)[0, 1] for one, other in pairs]
    np.testing.assert_allclose(canonical_correlations(A, B), expected, atol=1e-4)
    np.testing.assert_allclose(canonical_correlations(B, A), expected, atol=1e-4)


def test_it_is_the_weighted_mean_over_variates_of_the_data():
    np.testing.assert_allclose(pwcca(A, B), reference.pwcca(A, B), rtol=1e-4)
    unweighted = np.mean(canonical_correlations(A, B))
    assert abs(pwcca(A, B) - unweighted) > 0.02
    state = update_joint_covariance(init_joint_covariance(5, 7), A, B)
    np.testing.assert_allclose(pwcca(state), pwcca(A, B), rtol=1e-6)


def test_maps_of_the_second_layer_do_not_matter():
    mapped = B @ rotation(7) * np.geomspace(1, 100, 7).astype(np.float32) - 1
    np.testing.assert_allclose(pwcca(A, mapped), pwcca(A, B), rtol=1e-3)
    np.testing.assert_allclose(pwcca(A, A @ rotation(5)), 1, rtol=1e-4)


def test_dead_and_dependent_units_add_no_direction():
    dead = np.zeros((len(A), 1), np.float32)
    mixed = np.float64(A) @ np.random.default_rng(0).normal(size=(5, 4))
    wider = np.concatenate([A, mixed, A[:, :1], dead], axis=1)
    rounded = np.float32(wider)
    expected = [*canonical_correlations(A, B), 0, 0]
    np.testing.assert_allclose(canonical_correlations(rounded, B), expected, atol=1e-4)
    np.testing.assert_allclose(pwcca(rounded, B), reference.pwcca(wider, B), rtol=1e-3)
    of_three = np.concatenate([B[:, :3], dead, B[:, :1]], axis=1)
    np.testing.assert_allclose(pwcca(A, of_three), reference.pwcca(A, of_three), rtol=1e-3)
    assert pwcca(A, np.ones_like(B)) == 0


def test_the_layer_with_more_units_can_be_the_first():
    np.testing.assert_allclose(pwcca(B, A), reference.pwcca(B, A), rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pwcca(A), "b is missing; give the responses"),
        (lambda: canonical_correlations(A, B[1:]), "a and b must have the same samples"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
