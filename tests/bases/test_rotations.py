import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.bases import random_rotation, rotated_selectivity, selectivity_in_basis
from tests.bases.planted import CLASSES, gamma_responses, one_hot_code, rotation
from tests.reference import bases as reference
from tests.reference import selectivity

KEY = jax.random.key(0)


def test_a_basis_is_measured_as_in_float64():
    responses, labels = gamma_responses()
    where = np.arange(len(labels)) % 5 > 0
    basis = rotation()[:, :3]
    given = np.where(where[:, None], responses, np.nan).astype(np.float32)
    found = selectivity_in_basis(given, labels, CLASSES, basis.astype(np.float32), where=where)
    counts = where & (labels >= 0)
    expected = reference.selectivity_in_basis(responses, labels, CLASSES, basis, counts)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_in_the_units_own_basis_it_is_the_index_of_the_units():
    responses, labels = gamma_responses()
    responses = responses.astype(np.float32)
    found = selectivity_in_basis(responses, labels, CLASSES, jnp.eye(CLASSES))
    of_units = selectivity.layer_selectivity({"layer": responses}, labels, CLASSES)["layer"]
    np.testing.assert_allclose(found, of_units, rtol=1e-5)
    # A rotation by 180 degrees swaps the parts.
    opposite = selectivity_in_basis(responses, labels, CLASSES, -jnp.eye(CLASSES))
    np.testing.assert_allclose(opposite, found, rtol=1e-6)


def test_random_rotations_are_orthogonal_and_uniform():
    """Of uniform Q the trace has mean 0 and variance 1, and so does √3 times each entry.

    Without the choice of signs, traces of matrices of three units have mean −1.4 or so.
    """
    keys = jax.random.split(KEY, 4000)
    matrices = np.asarray(jax.jit(jax.vmap(lambda key: random_rotation(key, 3)))(keys))
    products = np.einsum("kij,kil->kjl", matrices, matrices)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-6)
    traces = np.trace(matrices, axis1=1, axis2=2)
    assert abs(traces.mean()) < 5 / np.sqrt(4000)
    assert abs(traces.var() - 1) < 0.15
    np.testing.assert_allclose(3 * np.mean(matrices**2, axis=0), np.ones((3, 3)), atol=0.1)
    np.testing.assert_allclose(matrices.mean(0), np.zeros((3, 3)), atol=5 / np.sqrt(3 * 4000))
    assert abs(np.mean(np.linalg.det(matrices))) < 0.1


def test_random_rotations_are_those_of_keys_and_differ():
    responses, labels = (np.asarray(given) for given in one_hot_code())
    found = rotated_selectivity(KEY, responses.astype(np.float32), labels, CLASSES, rotations=3)
    for value, key in zip(found, jax.random.split(KEY, 3), strict=True):
        basis = np.asarray(random_rotation(key, CLASSES), np.float64)
        expected = reference.selectivity_in_basis(responses, labels, CLASSES, basis)
        np.testing.assert_allclose(value, expected.mean(), rtol=1e-5)
    assert len(set(found.tolist())) == 3
    assert np.max(found) < 0.9  # in their own basis they have 1


RESPONSES, LABELS = np.ones((5, 3), np.float32), np.zeros(5, np.int32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_rotation(0, 3), "key must be a PRNG key"),
        (lambda: random_rotation(KEY, 0), "units must be at least 1"),
        (
            lambda: selectivity_in_basis(RESPONSES, LABELS, 2, np.eye(4)),
            r"basis must have shape \(3, directions\)",
        ),
        (
            lambda: selectivity_in_basis(RESPONSES, LABELS, 2, np.eye(3, dtype=np.int32)),
            "basis must be floating",
        ),
        (
            lambda: rotated_selectivity(KEY, RESPONSES, LABELS, 2, rotations=0),
            "rotations must be at least 1",
        ),
        (lambda: rotated_selectivity(1, RESPONSES, LABELS, 2), "key must be a PRNG key"),
        (lambda: rotated_selectivity(KEY, RESPONSES, LABELS[1:], 2), "labels must have shape"),
        (lambda: rotated_selectivity(KEY, RESPONSES[0], LABELS, 2), "responses must have shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
