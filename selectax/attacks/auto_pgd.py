"""APGD: projected gradient descent that chooses its own step size."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.attacks.arguments import Epsilon, LogitsFn, Problem, like
from selectax.attacks.attack import Attack, run_attack
from selectax.attacks.iteration import Evaluation, Method, inside
from selectax.attacks.losses import CustomLoss, Labels, LossName, cross_entropy
from selectax.attacks.norms import Images, Norm, NormName

# α and ρ in the paper.
_INERTIA = 0.75
_SHARE_OF_INCREASES = 0.75


class AutoState(NamedTuple):
    """State of APGD for each sample.

    Attributes:
      previous: the point before this one.
      step_size: length of the next step, broadcastable to the images.
      best: point with the highest loss so far.
      best_gradient: gradient at the best point.
      best_loss: loss at the best point.
      loss: loss at the point before this one; for the start what `_first_compared` says.
      increases: number of steps since the last checkpoint that raised the loss.
      interval: number of steps between the last checkpoint and the next.
      remaining: number of evaluations until the next checkpoint.
      best_at_checkpoint: highest loss at the last checkpoint.
      halved: whether the last checkpoint halved the step size.
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


def apgd_method(problem: Problem, *, steps: int | Int[Array, ""]) -> Method:
    """Steps with inertia. Checkpoints halve their length and return to the best point.

    The first checkpoint comes after 0.22 of all steps. Each further interval is shorter by 0.03 of
    all steps, but at least 0.06 of them.
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
            remaining=jnp.full(samples, first + 1),  # the start is evaluated before any step
            best_at_checkpoint=jnp.full(samples, -jnp.inf, origin.dtype),
            halved=jnp.zeros(samples, bool),
        )

    def update(state, points, evaluation, origin, epsilon):
        started = state.best_loss == -jnp.inf
        state = remember(state, points, evaluation, _first_compared(problem))
        points, gradient, state = back_to_best(state, points, evaluation, fewer, fewest)
        ahead = points + state.step_size * problem.norm.normalize(gradient)
        ahead = inside(problem, ahead, origin, epsilon)
        eased = points + _INERTIA * (ahead - points) + (1 - _INERTIA) * (points - state.previous)
        moved = jnp.where(like(started, points), ahead, inside(problem, eased, origin, epsilon))
        return moved, state._replace(previous=points)

    return Method(init, update, lambda state: (state.best, state.best_loss))


def _first_compared(problem: Problem) -> float:
    """What the loss after the first step must exceed for the step to count as an increase.

    As in the authors' code it is 0, not the loss of the start. DLR is below 0 until an image is
    misclassified, so with DLR the first checkpoint halves the step size, which makes attacks of few
    steps stronger. Their cross-entropy is above 0, and below it with targets; ours is the log-odds.
    """
    if problem.loss is not cross_entropy:
        return 0.0
    return -jnp.inf if problem.targets is None else jnp.inf


def remember(
    state: AutoState, points: Images, evaluation: Evaluation, first_compared: float
) -> AutoState:
    """Updates the best point so far, and whether the last step raised the loss."""
    better = ~(evaluation.loss <= state.best_loss)  # also true for NaN, which must not be hidden
    loss = jnp.where(state.best_loss == -jnp.inf, first_compared, evaluation.loss)
    return state._replace(
        best=jnp.where(like(better, points), points, state.best),
        best_gradient=jnp.where(like(better, points), evaluation.gradient, state.best_gradient),
        best_loss=jnp.where(better, evaluation.loss, state.best_loss),
        loss=loss,
        increases=state.increases + (evaluation.loss > state.loss),
        remaining=state.remaining - 1,
    )


def back_to_best(state: AutoState, points: Images, evaluation: Evaluation, fewer, fewest):
    """Halves the step size at a checkpoint if progress is poor, and returns to the best point.

    Args:
      state: state after the evaluation.
      points: points that were evaluated.
      evaluation: their evaluation.
      fewer: number of steps by which the next interval is shorter.
      fewest: smallest number of steps of an interval.

    Returns:
      Points from which to continue, their gradients, and the state.
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
    norm: NormName | Norm = "linf",
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    early_stop: bool = False,
) -> Images:
    """Auto-PGD: projected gradient descent with inertia that chooses its own step size.

    Each attack starts at a random point of the ball, with steps of length 2 · epsilon. A checkpoint
    halves the step size and returns to the best point if at most three quarters of the steps since
    the last checkpoint raised the loss, or if neither the step size nor the highest loss has
    changed since then.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, as in `pgd`.
      steps: number of gradient steps, at least 1; the last point is evaluated too.
      loss: loss that is maximised, as in `pgd`. The difference of logits ratio, "dlr", does not
        depend on the scale of the logits.
      norm: norm of the ball and of a step, as in `pgd`.
      restarts: number of attacks from different random starts, as in `pgd`.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      targets: target classes, as in `pgd`.
      early_stop: whether the loops end as soon as all samples are misclassified. This breaks as
        many samples, but may reach a lower loss.

    Returns:
      Adversarial images: for each sample a misclassified point of the attack if there is one,
      otherwise the point with the highest loss.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`, or there are too few classes for the DLR loss.

    References:
      Croce & Hein, 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
      parameter-free attacks", algorithm 1. As in the authors' code, checkpoints are rounded down to
      whole numbers of steps, and the first step counts as an increase if its loss is above 0.

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
    return run_attack(
        key,
        APGD,
        logits_fn,
        images,
        labels,
        epsilon=epsilon,
        steps=steps,
        norm=norm,
        restarts=restarts,
        bounds=bounds,
        targets=targets,
        loss=loss,
        early_stop=early_stop,
    )


APGD = Attack(
    name="apgd",
    rule=apgd_method,
    random_start="always",
    help="steps with inertia that choose their own length",
    source="Croce & Hein 2020",
)
