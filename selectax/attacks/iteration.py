"""An attack as steps uphill: the evaluation at a point, and the loop over steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.attacks.arguments import Problem, check_logits, like
from selectax.attacks.losses import fooled
from selectax.attacks.norms import Images


class Evaluation(NamedTuple):
    """What one pass forth and back says of each sample's point.

    Attributes:
      gradient: of each sample's own loss with respect to its point.
      loss: of each sample.
      fooled: whether the point reaches the attack's goal.
    """

    gradient: Images
    loss: Float[Array, "samples"]
    fooled: Bool[Array, "samples"]


class Method(NamedTuple):
    """A way of going uphill, without a loop of its own; all state has an entry for each sample.

    Attributes:
      init: (origin, epsilon) to the state before the first step.
      update: (state, points, evaluation, origin, epsilon) to the next points and state.
    """

    init: Callable[[Images, Array], Any]
    update: Callable[[Any, Images, Evaluation, Images, Array], tuple[Images, Any]]


def evaluate(problem: Problem, points: Images) -> Evaluation:
    """Gradient, loss and success at the points.

    Where the loss is NaN so is the gradient, which a ReLU would have made a zero.
    """

    def total(points):
        logits = problem.logits_fn(points)
        check_logits(problem, logits)
        loss = problem.loss(logits, problem.labels, problem.targets)
        return jnp.sum(loss), (loss, fooled(logits, problem.labels, problem.targets))

    gradient, (loss, success) = jax.grad(total, has_aux=True)(points)
    return Evaluation(jnp.where(like(jnp.isnan(loss), points), jnp.nan, gradient), loss, success)


def inside(problem: Problem, points: Images, origin: Images, epsilon: Array) -> Images:
    """The points brought into both the ball and the bounds."""
    return jnp.clip(problem.geometry.project(points, origin, epsilon), *problem.bounds)


def iterate(
    problem: Problem,
    method: Method,
    start: Images,
    origin: Images,
    epsilon: Array,
    *,
    steps: int | Int[Array, ""],
    early_stop: bool,
) -> Images:
    """Points after some steps; with early_stop each stays where it first reaches the goal."""

    def going_on(carry):
        step, _, _, stopped = carry
        return (step < steps) & ~jnp.all(stopped)

    def one_step(carry):
        step, points, state, stopped = carry
        evaluation = evaluate(problem, points)
        moved, state = method.update(state, points, evaluation, origin, epsilon)
        if early_stop:
            stopped = evaluation.fooled
            moved = jnp.where(like(stopped, points), points, moved)
        return step + 1, moved, state, stopped

    stopped = jnp.zeros(len(origin), bool)
    carry = (jnp.int32(0), start, method.init(origin, epsilon), stopped)
    return jax.lax.while_loop(going_on, one_step, carry)[1]
