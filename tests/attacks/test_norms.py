import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import NORMS, Norm, apgd, fgsm, pgd
from selectax.attacks.gradient_masking import attack_believability
from selectax.attacks.norms import checked_norm
from tests.attacks.problems import linear, linear_problem

KEY = jax.random.key(0)
WEIGHTS = np.array([[1.0], [2.0], [4.0]], np.float32)  # of pixels in a row
OWN = Norm(
    lambda gradient: jnp.sign(gradient) / WEIGHTS,
    lambda images, origin, epsilon: jnp.clip(
        images, origin - epsilon / WEIGHTS, origin + epsilon / WEIGHTS
    ),
    lambda key, origin, epsilon: (
        origin + epsilon / WEIGHTS * jax.random.uniform(key, origin.shape, origin.dtype, minval=-1)
    ),
)


def test_a_weighted_norm_equals_an_epsilon_of_each_pixel():
    images, labels, weights, bias = linear_problem(inside=True)
    problem = (linear(weights, bias), images, labels)
    radii = np.broadcast_to(0.2 / WEIGHTS, (2, 3, 1))
    expected = fgsm(*problem, epsilon=radii)
    np.testing.assert_allclose(fgsm(*problem, epsilon=0.2, norm=OWN), expected, atol=1e-6)
    found = pgd(KEY, *problem, epsilon=0.2, steps=5, norm=OWN)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    moved = np.abs(apgd(KEY, *problem, epsilon=0.2, steps=2, norm=OWN) - images)
    assert np.all(moved <= radii + 1e-6)


@pytest.mark.parametrize(
    ("norm", "message"),
    [
        ("l3", r"norm must be one of linf, l2 or a Norm of three functions, not 'l3'"),
        (3, r"not 3"),
        (OWN._replace(project=None), r"norm must be.*Norm of three functions"),
        (OWN._replace(normalize=lambda gradient: gradient.sum()), r"norm.normalize must return"),
        (
            OWN._replace(random_start=lambda key, origin, epsilon: origin.astype(jnp.float16)),
            r"norm.random_start must return float32 of shape",
        ),
    ],
)
def test_what_is_no_norm_is_named(norm, message):
    images, labels, weights, bias = linear_problem()
    with pytest.raises(ValueError, match=message):
        pgd(KEY, linear(weights, bias), images, labels, epsilon=0.1, steps=1, norm=norm)


def test_other_norms_have_one_radius_and_no_ball_of_everything():
    images, labels, weights, bias = linear_problem()
    problem = (linear(weights, bias), images, labels)
    with pytest.raises(ValueError, match="a ball in your norm has one radius"):
        fgsm(*problem, epsilon=np.ones((2, 3, 1)), norm=OWN)
    with pytest.raises(ValueError, match="norm must be one of linf, l2 for attack_believ"):
        attack_believability(KEY, *problem, epsilon=0.1, norm=OWN)


def test_entries_of_the_table_are_taken_as_they_are():
    assert all(checked_norm(name) is checked_norm(norm) is norm for name, norm in NORMS.items())
