"""One step along the gradient."""

from typing import Literal

import jax.numpy as jnp

from selectax.attacks.arguments import (
    Epsilon,
    LogitsFn,
    check_numbers,
    checked_problem,
    per_sample,
)
from selectax.attacks.iteration import evaluate, inside
from selectax.attacks.losses import Labels
from selectax.attacks.norms import Images


def fgsm(
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    norm: Literal["linf", "l2"] = "linf",
    bounds: tuple[float, float] = (0, 1),
    targets: Labels | None = None,
    loss: Literal["cross_entropy", "dlr"] = "cross_entropy",
) -> Images:
    """Fast gradient sign method: one step of length epsilon along the normalized gradient.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units, for all samples or one each.
      norm: of the ball; with "l2" the step goes along the gradient itself.
      bounds: smallest and largest value of a pixel.
      targets: classes to be reached, other than the labels; None for any wrong class.
      loss: what is maximised.

    Returns:
      Adversarial images.

    Raises:
      TypeError: images are no floats, or labels or targets no integers.
      ValueError: the data are empty, shapes do not fit, the norm or loss is unknown, bounds are
        reversed, or, where values are concrete, images lie outside the bounds, labels or targets
        outside the classes, a target is the label, epsilon is negative or not finite, or the
        network's logits are.

    References:
      Goodfellow, Shlens & Szegedy, 2015, "Explaining and harnessing adversarial examples".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> selectax.fgsm(logits_fn, images, labels, epsilon=0.1).round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    problem = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, targets=targets, loss=loss
    )
    epsilon, images = per_sample("epsilon", epsilon, images), jnp.asarray(images)
    direction = problem.geometry.normalize(evaluate(problem, images).gradient)
    return check_numbers(inside(problem, images + epsilon * direction, images, epsilon))
