"""Steps along a running sum of gradients."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from selectax.arguments.arrays import is_concrete
from selectax.arguments.bounds import Bounds
from selectax.attacks.arguments import (
    Epsilon,
    LogitsFn,
    Problem,
    broadcast_lengths,
    check_numbers,
    check_steps,
    checked_lengths,
    checked_problem,
)
from selectax.attacks.iteration import Method, as_images, inside, iterate
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images, moderate


def momentum_iterative(
    problem: Problem,
    *,
    steps: int | Int[Array, ""],
    step_size: Array | None,
    decay: float | Float[Array, ""] = 1.0,
) -> Method:
    """Steps along the normalized momentum, by default of length epsilon / steps."""

    def update(momentum, points, evaluation, origin, epsilon):
        gradient, _ = moderate(evaluation.gradient)
        axes = tuple(range(1, gradient.ndim))
        # The mean, not the sum, of absolute values: all that counts is the gradients' proportions.
        size = jnp.mean(jnp.abs(gradient), axis=axes, keepdims=True)
        momentum = decay * momentum + gradient / jnp.where(size == 0, 1, size)
        length = epsilon / steps if step_size is None else step_size
        moved = points + length * problem.geometry.normalize(momentum)
        return inside(problem, moved, origin, epsilon), momentum

    return Method(lambda origin, epsilon: jnp.zeros_like(origin), update)


def mi_fgsm(
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""],
    step_size: Epsilon | None = None,
    decay: float | Float[Array, ""] = 1.0,
    norm: Literal["linf", "l2"] = "linf",
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
    early_stop: bool = False,
) -> Images:
    """Momentum iterative fast gradient sign method, from the clean image.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units: a number, one for each sample (samples,),
        or in linf also one for each channel (1, 1, channels) or pixel (height, width, channels); 0
        keeps a pixel as it is, so that zeros are a mask.
      steps: number of gradient steps, at least 1.
      step_size: length of a step; by default epsilon / steps, as in the paper.
      decay: of the momentum, μ; 0 for none.
      norm: of the ball and of a step.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      targets: classes to be reached, other than the labels; None for any wrong class.
      loss: what is maximised: "cross_entropy", "dlr", or a function of (logits, labels), and of
        targets if there are any, that returns one value for each sample.
      early_stop: as for `pgd`.

    Returns:
      Adversarial images.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`, or, where concrete, decay is negative or not finite.

    References:
      Dong et al., 2018, "Boosting adversarial attacks with momentum", algorithm 1 and eq. 9 (l2).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> selectax.mi_fgsm(logits_fn, images, labels, epsilon=0.1, steps=5).round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    problem, origin = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, targets=targets, loss=loss
    )
    check_steps(steps)
    length = checked_lengths("decay", decay, origin.dtype)
    decay = float(length) if is_concrete(length) else length
    epsilon = broadcast_lengths("epsilon", epsilon, problem, origin)
    if step_size is not None:
        step_size = broadcast_lengths("step_size", step_size, problem, origin)
    method = momentum_iterative(problem, steps=steps, step_size=step_size, decay=decay)
    points = iterate(problem, method, origin, origin, epsilon, steps=steps, early_stop=early_stop)
    return check_numbers(as_images(problem, points, origin))
