"""The consistency term against NumPy in float64, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import selectax
from tests.reference import augmix as reference
from tests.reference.finite_differences import central_difference

LOGITS = np.random.default_rng(0).normal(0, 3, (3, 5, 4)).astype(np.float32)


def test_it_is_the_mean_divergence_from_the_mixture():
    found = selectax.jensen_shannon_consistency(*LOGITS)
    assert found.dtype == jnp.float32
    assert found == pytest.approx(reference.consistency(*LOGITS), rel=1e-5)


def test_equal_predictions_are_consistent():
    found = selectax.jensen_shannon_consistency(LOGITS[0], LOGITS[0], LOGITS[0] + 7)
    assert abs(found) < 1e-6


def test_the_mixture_is_clipped():
    """Where all three are certain, the other classes have less than 1e-7."""
    certain = np.array([[[0, -40.0, -60.0]], [[0, -50.0, -12.0]], [[-60.0, -50.0, 0]]])
    found = selectax.jensen_shannon_consistency(*certain.astype(np.float32))
    assert found == pytest.approx(reference.consistency(*certain), rel=1e-5)
    rare = np.array([[[0, -20.0]]] * 3)
    found = selectax.jensen_shannon_consistency(*rare.astype(np.float32))
    # Without the clip it would be 0; the sum over two classes is negative and tiny.
    assert found == pytest.approx(np.exp(-20) * (-20 - np.log(1e-7)), rel=0.2)


def test_its_gradient_is_that_of_the_formula():
    gradients = jax.jit(jax.grad(selectax.jensen_shannon_consistency, (0, 1, 2)))(*LOGITS)
    for number, found in enumerate(gradients):

        def changed(logits, number=number):
            return reference.consistency(*LOGITS[:number], logits, *LOGITS[number + 1 :])

        np.testing.assert_allclose(found, central_difference(changed, LOGITS[number]), atol=2e-6)


def test_an_impossible_class_leaves_the_gradient_finite():
    logits = LOGITS.copy()
    logits[:, :, 1] = -np.inf
    found, gradient = jax.value_and_grad(selectax.jensen_shannon_consistency)(*logits)
    assert found == pytest.approx(reference.consistency(*logits), rel=1e-5)
    assert np.all(np.isfinite(gradient))


def test_half_precision_is_computed_in_float32():
    half = [jnp.asarray(each, jnp.bfloat16) for each in LOGITS]
    found = selectax.jensen_shannon_consistency(*half)
    assert found.dtype == jnp.float32
    expected = reference.consistency(*(np.asarray(each, np.float32) for each in half))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("logits", "error", "message"),
    [
        ((LOGITS[0], LOGITS[1, :3], LOGITS[2]), ValueError, r"logits_one.*\(3, 4\)"),
        ((LOGITS[0, 0],) * 3, ValueError, r"logits_clean.*\(4,\)"),
        ((LOGITS[0, :0],) * 3, ValueError, "at least one sample"),
        ((np.ones((2, 3), np.int32),) * 3, TypeError, "logits_clean.*int32; cast"),
    ],
)
def test_wrong_logits_are_refused(logits, error, message):
    with pytest.raises(error, match=message):
        selectax.jensen_shannon_consistency(*logits)
