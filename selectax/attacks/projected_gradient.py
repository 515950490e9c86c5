"""Steps along the gradient, each brought back into the ball."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

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
from selectax.attacks.iteration import Method, as_images, inside, iterate
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images
from selectax.attacks.restarts import best_of_restarts, keys_of_restarts, strength


def projected_gradient(
    problem: Problem, *, steps: int | Int[Array, ""], step_size: Array | None
) -> Method:
    """Steps along the normalized gradient, by default of length 2.5 · epsilon / steps."""

    def update(state, points, evaluation, origin, epsilon):
        length = 2.5 * epsilon / steps if step_size is None else step_size
        moved = points + length * problem.geometry.normalize(evaluation.gradient)
        return inside(problem, moved, origin, epsilon), state

    return Method(lambda origin, epsilon: (), update)


def pgd(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""],
    step_size: Epsilon | None = None,
    norm: Literal["linf", "l2"] = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
    early_stop: bool = False,
) -> Images:
    """Projected gradient descent, in one compiled loop.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units: a number, one for each sample (samples,),
        or in linf also one for each channel (1, 1, channels) or pixel (height, width, channels); 0
        keeps a pixel as it is, so that zeros are a mask.
      steps: number of gradient steps, at least 1.
      step_size: length of a step; by default 2.5 · epsilon / steps.
      norm: of the ball and of a step.
      random_start: whether to start from a point drawn uniformly from the ball.
      restarts: attacks from different starts; each sample keeps a result that is misclassified if
        there is one, and of several the one with the highest loss.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      targets: classes to be reached, other than the labels; None for any wrong class. With targets
        "misclassified" means classified as those.
      loss: what is maximised: "cross_entropy", "dlr", or a function of (logits, labels), and of
        targets if there are any, that returns one value for each sample.
      early_stop: whether a sample stays where it is first misclassified, and the loop ends when all
        are: as many samples are broken or more, at less cost, but with less loss.

    Returns:
      Adversarial images.

    Raises:
      TypeError: images are no floats, or labels or targets no integers.
      ValueError: the data are empty, shapes do not fit, the norm or loss is unknown, bounds are
        reversed, restarts or steps are below 1, several restarts lack a random start, or, where
        values are concrete, images lie outside the bounds, labels or targets outside the classes, a
        target is the label, epsilon or step_size is negative or not finite, or the network's logits
        are.

    References:
      Madry et al., 2018, "Towards deep learning models resistant to adversarial attacks" (with
      steps of 2.5 · epsilon / steps in its l2 attacks).

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key = jax.random.key(0)
      >>> attacked = selectax.pgd(key, logits_fn, images, labels, epsilon=0.1, steps=5)
      >>> attacked.round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    key = checked_key(key)
    problem, origin = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, targets=targets, loss=loss
    )
    check_steps(steps)
    check_restarts(restarts, random_start)
    epsilon = broadcast_lengths("epsilon", epsilon, problem, origin)
    if step_size is not None:
        step_size = broadcast_lengths("step_size", step_size, problem, origin)
    method = projected_gradient(problem, steps=steps, step_size=step_size)

    def attack(key, best, reached):
        start = origin
        if random_start:
            start = problem.geometry.random_start(key, origin, epsilon)
            start = inside(problem, start, origin, epsilon)
        if early_stop:
            start = jnp.where(like(reached, origin), best, start)
        return iterate(problem, method, start, origin, epsilon, steps=steps, early_stop=early_stop)

    def attack_and_judge(key, best, reached):
        points = attack(key, best, reached)
        return points, strength(problem, as_images(problem, points, origin))

    keys = keys_of_restarts(key, restarts)
    if restarts == 1:
        points = attack(keys[0], origin, jnp.zeros(len(origin), bool))
    else:
        points = best_of_restarts(keys, attack_and_judge, origin)
    return check_numbers(as_images(problem, points, origin))
