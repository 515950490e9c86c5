import jax
import numpy as np
import pytest

from selectax.attacks import fgsm
from tests.attacks.problems import (
    NORMS,
    linear,
    linear_problem,
)
from tests.reference import attacks as reference

KEY = jax.random.key(0)


@pytest.mark.parametrize("norm", NORMS)
def test_fgsm_steps_along_the_gradient_of_each_samples_own_loss(norm):
    images, labels, weights, bias = linear_problem(classes=5, inside=True)
    gradient = reference.cross_entropy_gradient(images, labels, weights, bias)
    expected = reference.best_step(images, gradient, 0.2, norm)
    found = fgsm(linear(weights, bias), images, labels, epsilon=0.2, norm=norm)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_a_saturated_network_is_attacked_all_the_same(norm):
    """A loss that rounds to 0 still has a direction in which it grows."""
    images, labels, weights, bias = linear_problem(inside=True)
    weights = 200 * weights / np.abs(weights[:, 1] - weights[:, 0]).sum()
    bias = np.where(np.arange(2) == 0, 65, 0).astype(np.float32)
    labels = np.zeros_like(labels)
    best = reference.best_attack(images, labels, weights, bias, 0.1, norm)
    found = fgsm(linear(weights, bias), images, labels, epsilon=0.1, norm=norm)
    np.testing.assert_allclose(found, best, atol=1e-5)
