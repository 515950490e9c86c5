"""Attacks as steps uphill: what is known at a point, and the loops over steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.attacks.arguments import Problem, like
from selectax.attacks.losses import fooled
from selectax.attacks.norms import Images


class Evaluation(NamedTuple):
    """Result of one forward and backward pass at each sample's point.

    Attributes:
      gradient: gradient of each sample's own loss with respect to its point.
      loss: loss of each sample.
      fooled: whether the point reaches the attack's goal.

    Example:
      >>> from selectax.attacks import Evaluation
      >>> Evaluation._fields
      ('gradient', 'loss', 'fooled')
    """

    gradient: Images
    loss: Float[Array, "samples"]
    fooled: Bool[Array, "samples"]


class Method(NamedTuple):
    """One step of an attack, as pure functions. Every array of the state has an entry per sample.

    Attributes:
      init: function of (origin, epsilon) that returns the state before the first step.
      update: function of (state, points, evaluation, origin, epsilon) that returns the next points,
        inside the ball, and the next state.
      best: function of the state that returns the attack's result for samples that are not
        misclassified on the way, and its loss; None if the result is the last point.

    Example:
      >>> from selectax.attacks import Method, inside
      >>> def fixed_steps(problem, *, step_size):
      ...     def update(state, points, evaluation, origin, epsilon):
      ...         ahead = points + step_size * problem.norm.normalize(evaluation.gradient)
      ...         return inside(problem, ahead, origin, epsilon), state
      ...
      ...     return Method(init=lambda origin, epsilon: (), update=update)
    """

    init: Callable[[Images, Array], Any]
    update: Callable[[Any, Images, Evaluation, Images, Array], tuple[Images, Any]]
    best: Callable[[Any], tuple[Images, Float[Array, "samples"]]] | None = None


def no_state(origin: Images, epsilon: Array) -> tuple[()]:
    """`init` of a method without state."""
    return ()


def evaluate(problem: Problem, points: Images, origin: Images) -> Evaluation:
    """Gradient, loss and success at the points, rounded to the images' own type.

    Loss and gradient are both NaN if one of them, or a logit, is not finite. Otherwise a ReLU could
    turn the gradients of NaN into zeros.

    Args:
      problem: the problem.
      points: points to evaluate.
      origin: clean images.

    Returns:
      The evaluation of each sample.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import evaluate, make_problem
      >>> problem, origin = make_problem(
      ...     lambda images: images[:, 0, 0], jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      ... )
      >>> evaluate(problem, origin, origin).gradient.tolist()
      [[[[-1.0, 1.0]]]]
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
    """Projects points into the ball around the origin and into the bounds.

    Args:
      problem: the problem, with the norm and the bounds.
      points: any points.
      origin: clean images.
      epsilon: radius of the ball, broadcastable to the images.

    Returns:
      Points inside both.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import inside, make_problem
      >>> problem, origin = make_problem(
      ...     lambda images: images[:, 0, 0], jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      ... )
      >>> inside(problem, origin + 1, origin, 0.1).round(3)
      Array([[[[0.6, 0.6]]]], dtype=float32)
    """
    return jnp.clip(problem.norm.project(points, origin, epsilon), *problem.bounds)


def as_images(problem: Problem, points: Images, origin: Images) -> Images:
    """Points in the images' own type, rounded towards the origin where that type is narrower."""
    if points.dtype == problem.dtype:
        return points
    # A barrier, or the compiler would leave the rounding out (XLA allows excess precision).
    nearest = jax.lax.optimization_barrier(points.astype(problem.dtype))
    outwards = jnp.abs(nearest.astype(points.dtype) - origin) > jnp.abs(points - origin)
    return jnp.where(outwards, jnp.nextafter(nearest, origin.astype(problem.dtype)), nearest)


def take_one_step(
    problem: Problem,
    method: Method,
    start: Images,
    origin: Images,
    epsilon: Array,
    *,
    early_stop: bool,
) -> Images:
    """Points after one step without a loop; with early_stop misclassified samples stay."""
    evaluation = evaluate(problem, start, origin)
    points, _ = method.update(method.init(origin, epsilon), start, evaluation, origin, epsilon)
    return jnp.where(like(evaluation.fooled, start), start, points) if early_stop else points


def iterate(
    problem: Problem,
    method: Method,
    start: Images,
    origin: Images,
    epsilon: Array,
    *,
    steps: int | Int[Array, ""],
    early_stop: bool = False,
) -> Images:
    """Takes steps of a method, in one compiled loop.

    Args:
      problem: the problem.
      method: the method.
      start: where to start, inside the ball and the bounds.
      origin: clean images.
      epsilon: radius of the ball, broadcastable to the images.
      steps: number of steps; may be traced.
      early_stop: whether each sample stays where it first reaches the goal. The loop then ends as
        soon as all samples have reached it.

    Returns:
      The last points, at least float32.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import ATTACKS, iterate, make_problem
      >>> problem, origin = make_problem(
      ...     lambda images: images[:, 0, 0], jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      ... )
      >>> method = ATTACKS["pgd"].method(problem, steps=3)
      >>> iterate(problem, method, origin, origin, 0.1, steps=3).round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """

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


def iterate_to_best(
    problem: Problem,
    method: Method,
    start: Images,
    origin: Images,
    epsilon: Array,
    *,
    best: Callable[[Any], tuple[Images, Float[Array, "samples"]]],
    steps: int | Int[Array, ""],
    early_stop: bool,
) -> tuple[Images, Float[Array, "samples"]]:
    """Takes steps of a method that remembers its best point; the last point is evaluated too.

    Returns:
      A misclassified point if there is one, otherwise `best(state)`; and its strength, which is
      infinite for a misclassified point and otherwise the loss.
    """

    def going_on(carry):
        evaluations, _, _, _, reached = carry
        return (evaluations <= steps) & ~(early_stop & jnp.all(reached))

    def one_step(carry):
        evaluations, points, state, found, reached = carry
        evaluation = evaluate(problem, points, origin)
        found = jnp.where(like(evaluation.fooled, points), points, found)
        reached |= evaluation.fooled
        points, state = method.update(state, points, evaluation, origin, epsilon)
        return evaluations + 1, points, state, found, reached

    reached = jnp.zeros(len(origin), bool)
    carry = (jnp.int32(0), start, method.init(origin, epsilon), origin, reached)
    _, _, state, found, reached = jax.lax.while_loop(going_on, one_step, carry)
    points, loss = best(state)
    return jnp.where(like(reached, origin), found, points), jnp.where(reached, jnp.inf, loss)
