"""An attack as steps uphill: the evaluation at a point, and the loop over steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.attacks.arguments import Problem, like
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


def evaluate(problem: Problem, points: Images, origin: Images) -> Evaluation:
    """Gradient, loss and success at the points, as the images' own type can hold these.

    Loss and gradient are both NaN where one of them, or a logit, is not finite: a ReLU makes zeros
    of the gradients of NaN.
    """

    def total(points):
        logits = problem.logits_fn(points)
        loss = problem.loss(logits, problem.labels, problem.targets)
        finite = jnp.all(jnp.isfinite(logits), axis=-1) & jnp.isfinite(loss)
        return jnp.sum(loss), (loss, finite, fooled(logits, problem.labels, problem.targets))

    held = as_images(problem, points, origin)
    gradient, (loss, finite, success) = jax.grad(total, has_aux=True)(held)
    axes = tuple(range(1, points.ndim))
    finite &= jnp.all(jnp.isfinite(gradient), axis=axes)
    return Evaluation(
        jnp.where(like(finite, points), gradient.astype(points.dtype), jnp.nan),
        jnp.where(finite, loss.astype(points.dtype), jnp.nan),
        success,
    )


def inside(problem: Problem, points: Images, origin: Images, epsilon: Array) -> Images:
    """The points brought into both the ball and the bounds."""
    return jnp.clip(problem.geometry.project(points, origin, epsilon), *problem.bounds)


def as_images(problem: Problem, points: Images, origin: Images) -> Images:
    """Points in the images' own type, rounded towards the origin where that type is narrower."""
    if points.dtype == problem.dtype:
        return points
    # A barrier, or the compiler would leave the rounding out (XLA allows excess precision).
    nearest = jax.lax.optimization_barrier(points.astype(problem.dtype))
    outwards = jnp.abs(nearest.astype(points.dtype) - origin) > jnp.abs(points - origin)
    return jnp.where(outwards, jnp.nextafter(nearest, origin.astype(problem.dtype)), nearest)


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
        evaluation = evaluate(problem, points, origin)
        moved, state = method.update(state, points, evaluation, origin, epsilon)
        if early_stop:
            stopped = evaluation.fooled
            moved = jnp.where(like(stopped, points), points, moved)
        return step + 1, moved, state, stopped

    stopped = jnp.zeros(len(origin), bool)
    carry = (jnp.int32(0), start, method.init(origin, epsilon), stopped)
    return jax.lax.while_loop(going_on, one_step, carry)[1]
