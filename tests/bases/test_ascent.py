"""The search finds what is planted, and what an exhaustive one finds."""

import jax
import numpy as np
import pytest

from selectax.bases import best_basis
from tests.bases.planted import CLASSES, gamma_responses, one_hot_code, rotation
from tests.reference import bases as reference

KEY = jax.random.key(0)


def test_a_rotated_one_hot_code_comes_back():
    responses, labels = one_hot_code()
    rotated = (responses @ rotation()).astype(np.float32)
    before = reference.selectivity_in_basis(rotated, labels, CLASSES, np.eye(CLASSES)).mean()
    found = best_basis(KEY, rotated, labels, CLASSES)
    assert before < 0.8
    assert found.selectivity > 0.995
    # Up to order and signs, the basis undoes the rotation.
    undone = np.abs(rotation() @ np.asarray(found.basis, np.float64))
    np.testing.assert_allclose(np.sort(undone, axis=0)[-1], 1, atol=1e-3)
    assert sorted(np.argmax(undone, axis=0)) == list(range(CLASSES))


@pytest.mark.parametrize("step_size", [0.1, 3.0])
def test_the_result_is_orthogonal_and_measures_what_it_says(step_size):
    responses, labels = gamma_responses()
    responses = responses.astype(np.float32)
    found = best_basis(KEY, responses, labels, CLASSES, step_size=step_size)
    basis = np.asarray(found.basis, np.float64)
    np.testing.assert_allclose(basis.T @ basis, np.eye(CLASSES), atol=1e-6)
    expected = reference.selectivity_in_basis(responses, labels, CLASSES, basis, labels >= 0)
    np.testing.assert_allclose(found.selectivity, expected.mean(), rtol=1e-5)
    own = reference.selectivity_in_basis(responses, labels, CLASSES, np.eye(CLASSES), labels >= 0)
    assert found.of_starts[0] > own.mean() + 0.01
    assert found.selectivity == np.max(found.of_starts)
    assert found.of_starts.shape == (4,)


@pytest.mark.parametrize("step_size", [0.0, 1000.0])
def test_the_result_is_never_worse_than_the_units_whatever_the_step(step_size):
    responses, labels = one_hot_code()
    responses = (responses + 0.3).astype(np.float32)  # the units' basis is better than most
    own = reference.selectivity_in_basis(responses, labels, CLASSES, np.eye(CLASSES)).mean()
    found = best_basis(KEY, responses, labels, CLASSES, step_size=step_size)
    assert found.of_starts[0] > own - 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 4])
def test_steps_are_those_of_adam_in_float64(steps):
    responses, labels = gamma_responses(units=3)
    responses, labels = responses[labels >= 0], labels[labels >= 0]
    expected, basis = reference.ascend(responses, labels, CLASSES, steps, 0.1)
    found = best_basis(
        KEY, responses.astype(np.float32), labels, CLASSES, starts=0, steps=steps, step_size=0.1
    )
    np.testing.assert_allclose(found.selectivity, expected, rtol=1e-4)
    np.testing.assert_allclose(found.basis, basis, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_two_units_reach_the_best_of_all_angles(seed):
    responses, labels = gamma_responses(units=2, seed=seed)
    counts = labels >= 0
    best = reference.best_of_two_units(responses[counts], labels[counts], CLASSES, angles=400)
    found = best_basis(KEY, responses.astype(np.float32), labels, CLASSES, starts=6)
    np.testing.assert_allclose(found.selectivity, best, atol=2e-3)


@pytest.mark.slow
def test_the_step_size_is_traced():
    responses, labels = (np.asarray(given) for given in gamma_responses())

    @jax.jit
    def search(step_size):
        return best_basis(KEY, responses, labels, CLASSES, steps=9, step_size=step_size)

    sizes = np.array([0.05, 0.1], np.float32)
    one, other = (search(size) for size in sizes)
    assert search._cache_size() == 1
    assert one.selectivity != other.selectivity
    together = jax.vmap(search)(sizes)
    np.testing.assert_allclose(
        together.selectivity, [one.selectivity, other.selectivity], rtol=1e-4
    )


RESPONSES, LABELS = np.ones((5, 3), np.float32), np.zeros(5, np.int32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": 0}, "key must be a PRNG key"),
        ({"starts": -1}, "starts must be at least 0, not -1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"step_size": -0.1}, "step_size must not be negative, not -0.1"),
        ({"responses": np.ones((5, 3), np.int32)}, "responses must be floating"),
        ({"labels": np.full(5, 7)}, "labels hold 7"),
        ({"where": np.ones(4, bool)}, "where must have shape"),
    ],
)
def test_bad_arguments_are_named(change, message):
    good = {"key": KEY, "responses": RESPONSES, "labels": LABELS, "num_classes": 2}
    with pytest.raises((TypeError, ValueError), match=message):
        best_basis(**(good | change))
