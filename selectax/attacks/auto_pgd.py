"""Projected gradient descent that chooses its own step size."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.arguments.key import checked_key
from selectax.attacks.arguments import (
    Epsilon,
    LogitsFn,
    Problem,
    broadcast_lengths,
    check_numbers,
    check_restarts,
    check_steps,
    checked_problem,
    like,
)
from selectax.attacks.iteration import Evaluation, Method, as_images, evaluate, inside
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images
from selectax.attacks.restarts import best_of_restarts, keys_of_restarts

# α and ρ of the paper.
_INERTIA = 0.75
_SHARE_OF_INCREASES = 0.75


class AutoState(NamedTuple):
    """What APGD remembers of each sample.

    Attributes:
      previous: the point before this one.
      step_size: of the next step, broadcastable to the images.
      best: the point of the highest loss.
      best_gradient: the gradient there.
      best_loss: the loss there.
      loss: of the point before this one; 0 for the start.
      increases: steps since the last checkpoint that raised the loss.
      interval: steps between the last checkpoint and the next.
      remaining: evaluations until the next checkpoint.
      best_at_checkpoint: the highest loss at the last checkpoint.
      halved: whether the step size was halved there.
    """

    previous: Images
    step_size: Array
    best: Images
    best_gradient: Images
    best_loss: Float[Array, "samples"]
    loss: Float[Array, "samples"]
    increases: Int[Array, "samples"]
    interval: Int[Array, "samples"]
    remaining: Int[Array, "samples"]
    best_at_checkpoint: Float[Array, "samples"]
    halved: Bool[Array, "samples"]


def auto_projected_gradient(problem: Problem, *, steps: int | Int[Array, ""]) -> Method:
    """Steps with inertia whose size is halved at checkpoints, each time back from the best point.

    The steps between checkpoints are 0.22 of all, then 0.03 fewer each time, at least 0.06.
    """
    steps = jnp.asarray(steps, jnp.int32)
    first, fewer, fewest = (jnp.maximum(share * steps // 100, 1) for share in (22, 3, 6))

    def init(origin, epsilon):
        samples = len(origin)
        return AutoState(
            previous=origin,
            step_size=like(jnp.zeros(samples, origin.dtype), origin) + 2 * epsilon,
            best=origin,
            best_gradient=jnp.zeros_like(origin),
            best_loss=jnp.full(samples, -jnp.inf, origin.dtype),
            loss=jnp.full(samples, jnp.inf, origin.dtype),
            increases=jnp.zeros(samples, jnp.int32),
            interval=jnp.full(samples, first),
            remaining=jnp.full(samples, first + 1),  # the start's evaluation follows no step
            best_at_checkpoint=jnp.full(samples, -jnp.inf, origin.dtype),
            halved=jnp.zeros(samples, bool),
        )

    def update(state, points, evaluation, origin, epsilon):
        started = state.best_loss == -jnp.inf
        state = remember(state, points, evaluation)
        points, gradient, state = back_to_best(state, points, evaluation, fewer, fewest)
        ahead = points + state.step_size * problem.geometry.normalize(gradient)
        ahead = inside(problem, ahead, origin, epsilon)
        eased = points + _INERTIA * (ahead - points) + (1 - _INERTIA) * (points - state.previous)
        moved = jnp.where(like(started, points), ahead, inside(problem, eased, origin, epsilon))
        return moved, state._replace(previous=points)

    return Method(init, update)


def remember(state: AutoState, points: Images, evaluation: Evaluation) -> AutoState:
    """The state with the best point so far, and with the last step's outcome."""
    better = ~(evaluation.loss <= state.best_loss)  # or NaN, which is to be seen
    # As in the authors' code the first step counts as a rise if it ends above 0, not above the
    # start: with DLR, below 0 until an image is misclassified, the first checkpoint so halves the
    # step size, and attacks of few steps are stronger.
    loss = jnp.where(state.best_loss == -jnp.inf, 0, evaluation.loss)
    return state._replace(
        best=jnp.where(like(better, points), points, state.best),
        best_gradient=jnp.where(like(better, points), evaluation.gradient, state.best_gradient),
        best_loss=jnp.where(better, evaluation.loss, state.best_loss),
        loss=loss,
        increases=state.increases + (evaluation.loss > state.loss),
        remaining=state.remaining - 1,
    )


def back_to_best(state: AutoState, points: Images, evaluation: Evaluation, fewer, fewest):
    """At a checkpoint, where the steps have not paid: half the step size, from the best point on.

    Args:
      state: after the evaluation.
      points: that were evaluated.
      evaluation: of them.
      fewer: steps by which the next interval between checkpoints is the shorter.
      fewest: steps of an interval.

    Returns:
      Points and their gradients to go on from, and the state.
    """
    due = state.remaining == 0
    oscillating = state.increases <= _SHARE_OF_INCREASES * state.interval
    stalled = ~state.halved & (state.best_loss == state.best_at_checkpoint)
    halved = due & (oscillating | stalled)
    interval = jnp.where(due, jnp.maximum(state.interval - fewer, fewest), state.interval)
    back = like(halved, points)
    state = state._replace(
        step_size=jnp.where(back, state.step_size / 2, state.step_size),
        loss=jnp.where(halved, state.best_loss, state.loss),
        increases=jnp.where(due, 0, state.increases),
        interval=interval,
        remaining=jnp.where(due, interval, state.remaining),
        best_at_checkpoint=jnp.where(due, state.best_loss, state.best_at_checkpoint),
        halved=jnp.where(due, halved, state.halved),
    )
    points = jnp.where(back, state.best, points)
    return points, jnp.where(back, state.best_gradient, evaluation.gradient), state


def apgd(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""],
    loss: LossName | CustomLoss = "cross_entropy",
    norm: Literal["linf", "l2"] = "linf",
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    early_stop: bool = False,
) -> Images:
    """Auto-PGD: projected gradient descent with inertia that chooses its own step size.

    Each attack starts at random in the ball, with steps of 2 · epsilon. At checkpoints the step
    size is halved and the attack goes on from its best point, where the loss rose in at most three
    quarters of the steps, or where neither the step size nor the highest loss has changed since the
    last checkpoint.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units: a number, one for each sample (samples,),
        or in linf also one for each channel (1, 1, channels) or pixel (height, width, channels); 0
        keeps a pixel as it is, so that zeros are a mask.
      steps: number of gradient steps, at least 1; the end of the last is evaluated too.
      loss: what is maximised: cross-entropy, the difference of logits ratio (DLR), which does not
        depend on the scale of the logits, or a function as for `pgd`.
      norm: of the ball and of a step.
      restarts: attacks from different starts, of which each sample keeps the strongest result.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      targets: classes to be reached, other than the labels; None for any wrong class.
      early_stop: whether the loops end when all samples are misclassified (or, with targets,
        classified as those); the results' losses may then be lower, but no fewer are broken.

    Returns:
      Adversarial images: a misclassified point of the attack if there is one, else the one of the
      highest loss.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`, or there are too few classes for the DLR loss.

    References:
      Croce & Hein, 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
      parameter-free attacks", algorithm 1, with the checkpoints of the authors' code: whole numbers
      of steps, rounded down, and with a first step that counts as a rise if it ends above 0.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key = jax.random.key(0)
      >>> attacked = selectax.apgd(key, logits_fn, images, labels, epsilon=0.1, steps=5)
      >>> int(logits_fn(attacked).argmax())
      1
    """
    key = checked_key(key)
    problem, origin = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, targets=targets, loss=loss
    )
    check_steps(steps)
    check_restarts(restarts)
    epsilon = broadcast_lengths("epsilon", epsilon, problem, origin)
    method = auto_projected_gradient(problem, steps=steps)

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

    def attack(key, best, already_reached):
        start = problem.geometry.random_start(key, origin, epsilon)
        start = inside(problem, start, origin, epsilon)
        if early_stop:
            start = jnp.where(like(already_reached, origin), best, start)
        reached = jnp.zeros(len(origin), bool)
        carry = (jnp.int32(0), start, method.init(origin, epsilon), origin, reached)
        _, _, state, found, reached = jax.lax.while_loop(going_on, one_step, carry)
        points = jnp.where(like(reached, origin), found, state.best)
        return points, jnp.where(reached, jnp.inf, state.best_loss)

    points = best_of_restarts(keys_of_restarts(key, restarts), attack, origin)
    return check_numbers(as_images(problem, points, origin))
