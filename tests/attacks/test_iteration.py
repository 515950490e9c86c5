import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import ATTACKS, Evaluation, Method, evaluate, iterate, make_problem, pgd
from selectax.attacks.iteration import inside, iterate_to_best, no_state, take_one_step
from tests.attacks.problems import linear, linear_problem, mlp, mlp_problem


@pytest.mark.slow
def test_iterate_is_the_loop_of_pgd():
    parameters, images, labels = mlp_problem(samples=8)
    logits_fn = functools.partial(mlp, parameters)
    problem, origin = make_problem(logits_fn, images, labels, norm="l2")
    method = ATTACKS["pgd"].method(problem, steps=3)
    found = iterate(problem, method, origin, origin, jnp.float32(0.3), steps=3)
    options = {"epsilon": 0.3, "steps": 3, "norm": "l2", "random_start": False}
    key = jax.random.key(0)
    expected = pgd(key, logits_fn, images, labels, **options)  # one program, so rounded otherwise
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    one = take_one_step(problem, method, origin, origin, jnp.float32(0.3), early_stop=False)
    again = iterate(problem, method, origin, origin, jnp.float32(0.3), steps=1)
    np.testing.assert_allclose(one, again, atol=1e-6)


def test_an_evaluation_is_the_loss_and_its_gradient():
    images, labels, weights, bias = linear_problem()
    problem, origin = make_problem(linear(weights, bias), images, labels)
    found = evaluate(problem, origin, origin)
    assert isinstance(found, Evaluation)
    sign = np.where(labels == 0, 1, -1)
    expected = sign[:, None] * (weights[:, 1] - weights[:, 0])
    np.testing.assert_allclose(found.gradient.reshape(12, 6), expected, atol=1e-5)
    assert not np.any(found.fooled)


def test_the_best_point_is_a_misclassified_one_or_that_of_the_state():
    """Two samples walk to the right; the first crosses the boundary at 0.7 on the way back."""

    def logits_fn(images):
        return jnp.stack([jnp.full(len(images), 0.7), images[:, 0, 0, 0]], axis=1)

    images = np.array([0.6, 0.2], np.float32).reshape(2, 1, 1, 1)
    problem, origin = make_problem(logits_fn, images, np.zeros(2, np.int32))

    def update(state, points, evaluation, origin, epsilon):
        return inside(problem, points + 0.2, origin, epsilon), points

    method = Method(lambda origin, epsilon: origin, update)
    points, strength = iterate_to_best(
        *(problem, method, origin, origin, jnp.float32(0.3)),
        best=lambda state: (state, jnp.full(2, 5.0)),
        steps=2,
        early_stop=False,
    )
    np.testing.assert_allclose(points[:, 0, 0, 0], [0.9, 0.5], atol=1e-6)
    np.testing.assert_array_equal(strength, [np.inf, 5])
    assert no_state(origin, 0.3) == ()
