"""One step along the gradient."""

from typing import Literal

from selectax.arguments.bounds import Bounds
from selectax.attacks.arguments import (
    Epsilon,
    LogitsFn,
    broadcast_lengths,
    check_numbers,
    checked_problem,
)
from selectax.attacks.iteration import as_images, evaluate, inside
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images


def fgsm(
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    norm: Literal["linf", "l2"] = "linf",
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
) -> Images:
    """Fast gradient sign method: one step of length epsilon along the normalized gradient.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units: a number, one for each sample (samples,),
        or in linf also one for each channel (1, 1, channels) or pixel (height, width, channels); 0
        keeps a pixel as it is, so that zeros are a mask.
      norm: of the ball; with "l2" the step goes along the gradient itself.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      targets: classes to be reached, other than the labels; None for any wrong class.
      loss: what is maximised: "cross_entropy", "dlr", or a function of (logits, labels), and of
        targets if there are any, that returns one value for each sample.

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
    problem, origin = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, targets=targets, loss=loss
    )
    epsilon = broadcast_lengths("epsilon", epsilon, problem, origin)
    direction = problem.geometry.normalize(evaluate(problem, origin, origin).gradient)
    points = inside(problem, origin + epsilon * direction, origin, epsilon)
    return check_numbers(as_images(problem, points, origin))
