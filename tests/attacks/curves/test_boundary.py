import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import evaluate, make_problem
from selectax.attacks.curves.boundary import step_to_boundary
from tests.attacks.problems import linear, linear_problem
from tests.reference import attacks as reference


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_on_a_linear_model_one_step_reaches_the_smallest_ball_that_crosses(norm):
    images, labels, weights, bias = linear_problem(inside=True)
    problem, origin = make_problem(linear(weights, bias), images, labels, norm=norm)
    epsilons = jnp.array([0.005, 0.01, 0.02, 0.04, 0.08, 0.16])
    nothing = jnp.zeros(len(images), jnp.int32)
    points, wider = step_to_boundary(
        *(problem, origin, evaluate(problem, origin, origin), origin),
        *(jnp.zeros(len(images)), nothing - 1, epsilons),
    )
    withstood = [
        np.argmax(
            reference.linear_logits(
                reference.best_attack(images, labels, weights, bias, epsilon, norm), weights, bias
            ),
            axis=1,
        )
        == labels
        for epsilon in np.asarray(epsilons)
    ]
    np.testing.assert_array_equal(wider, np.minimum(np.sum(withstood, axis=0), 5))
    assert np.all(np.asarray(evaluate(problem, points, origin).fooled) | np.all(withstood, axis=0))
