"""Checks of the arguments of attacks, as far as their values are concrete."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.arguments.arrays import as_array, canonical, is_concrete
from selectax.arguments.bounds import Bounds, check_within_bounds, checked_bounds
from selectax.arguments.images import float_images, working_dtype
from selectax.arguments.logits import checked_logits_fn
from selectax.arguments.numbers import checked_count
from selectax.attacks.losses import LOSSES, CustomLoss, Labels, Loss, LossName, loss_of_function
from selectax.attacks.norms import NORMS, Images, Norm, NormName, checked_norm

LogitsFn = Callable[[Images], Float[Array, "samples classes"]]
Epsilon = float | Float[Array, "..."] | Float[np.ndarray, "..."]


class Problem(NamedTuple):
    """A network and the images on which it is to be fooled.

    Attributes:
      logits_fn: the attacked network, for images in their own type; its result is checked.
      labels: true classes.
      targets: target classes; None for an untargeted attack.
      loss: function of (logits, labels, targets) that the attack maximises.
      norm: norm of the ball and of a step.
      bounds: smallest and largest value of a pixel, broadcastable to the images.
      dtype: type of the images. Attacks compute in at least float32.

    Example:
      >>> from selectax.attacks import Problem
      >>> Problem._fields
      ('logits_fn', 'labels', 'targets', 'loss', 'norm', 'bounds', 'dtype')
    """

    logits_fn: LogitsFn
    labels: Labels
    targets: Labels | None
    loss: Loss
    norm: Norm
    bounds: tuple[Any, Any]
    dtype: Any


def make_problem(
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    norm: NormName | Norm = "linf",
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
) -> tuple[Problem, Images]:
    """Checks the arguments of an attack, and collects what does not change during it.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      norm: norm of the ball and of a step, as in `pgd`.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      targets: target classes, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.

    Returns:
      The problem, and the images in the type in which attacks compute, float32 or float64.

    Raises:
      TypeError: images are not floats, labels or targets are not integers, or logits_fn is not a
        function.
      ValueError: the data are empty, shapes do not match, the norm or loss is unknown, or bounds
        are reversed; for concrete values also if images lie outside the bounds, labels are
        negative, or a target equals its label.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import make_problem
      >>> problem, origin = make_problem(
      ...     lambda images: images[:, 0, 0], jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      ... )
      >>> problem.bounds, origin.dtype
      ((array(0., dtype=float32), array(1., dtype=float32)), dtype('float32'))
    """
    if not callable(loss) and loss not in LOSSES:
        raise ValueError(
            f"loss must be one of {', '.join(LOSSES)} or a function of logits and labels, not "
            f"{loss!r}."
        )
    pixels, classes = float_images(images), canonical(as_array("labels", labels))
    if pixels.ndim < 2 or classes.shape != pixels.shape[:1]:
        raise ValueError(
            "images must have shape (samples, …) and labels (samples,), "
            f"not {pixels.shape} and {classes.shape}."
        )
    if not pixels.size:
        raise ValueError(f"images of shape {pixels.shape} are empty; give at least one image.")
    _check_classes("labels", classes)
    goal = None if targets is None else canonical(as_array("targets", targets))
    if goal is not None:
        _check_targets(goal, classes)
    limits = checked_bounds(bounds, pixels)
    check_within_bounds(pixels, limits)
    problem = Problem(
        _with_checked_classes(checked_logits_fn(logits_fn), classes, goal),
        jnp.asarray(classes),
        None if goal is None else jnp.asarray(goal),
        loss_of_function(loss) if callable(loss) else LOSSES[loss],
        checked_norm(norm),
        limits,
        pixels.dtype,
    )
    origin = jnp.asarray(pixels).astype(working_dtype(pixels.dtype))
    if not is_concrete(origin):
        # Clipping would turn an infinite pixel into an ordinary one.
        origin = jnp.where(jnp.isfinite(origin), origin, jnp.nan)
    return problem, origin


def _with_checked_classes(logits_fn, labels, targets):
    """Checks labels and targets against the number of classes, known even while tracing."""

    def call(images):
        logits = logits_fn(images)
        for name, classes in (("labels", labels), ("targets", targets)):
            if classes is not None:
                _check_classes(name, classes, logits.shape[-1])
        return logits

    return call


def _check_targets(targets, labels):
    if targets.shape != labels.shape:
        raise ValueError(
            f"targets must have the labels' shape {labels.shape}, not {targets.shape}."
        )
    _check_classes("targets", targets)
    if is_concrete(labels, targets) and np.any(np.asarray(targets) == np.asarray(labels)):
        sample = np.flatnonzero(np.asarray(targets) == np.asarray(labels))[0]
        raise ValueError(
            f"targets[{sample}]={targets[sample]} is the label itself; choose another class."
        )


def _check_classes(name, classes, count=None):
    if not jnp.issubdtype(classes.dtype, jnp.integer):
        raise TypeError(f"{name} must be integers, not {classes.dtype}.")
    if not is_concrete(classes):
        return
    classes = np.asarray(classes)
    outside = (classes < 0) if count is None else (classes >= count)
    if np.any(outside):
        known = "0 and up" if count is None else f"0 to {count - 1}"
        raise ValueError(
            f"{name} hold {classes[outside][0]}, but classes are {known}; give the network's own."
        )


def check_steps(steps, several=False):
    """Checks a number of steps, or several.

    Raises:
      TypeError: steps are not integers.
      ValueError: a concrete number is below 1, or there are several where one is needed.
    """
    numbers = as_array("steps", steps)
    if not jnp.issubdtype(numbers.dtype, jnp.integer):
        raise TypeError(f"steps must be integers, not {numbers.dtype}; round them.")
    if numbers.ndim and not several:
        raise ValueError(
            f"steps must be a single number, not of shape {numbers.shape}; "
            "robust_accuracy_over_steps takes several."
        )
    if is_concrete(steps) and np.min(steps) < 1:
        raise ValueError(f"steps must be at least 1, not {np.min(steps)}.")


def check_restarts(restarts, random_start):
    """Checks the number of attacks from different starts.

    Raises:
      TypeError: restarts are not an integer.
      ValueError: there is no attack, or several would all be the same.
    """
    if checked_count("restarts", restarts) > 1 and not random_start:
        raise ValueError(
            f"restarts={restarts} needs an attack that starts at random; otherwise all would be "
            "the same."
        )


def checked_lengths(
    name: str, lengths: Any, dtype: Any, remedy: str = "give a length in the images' units"
) -> Array:
    """Lengths in this type; traced values that are negative or not finite become NaN.

    Raises:
      TypeError: lengths are not numbers.
      ValueError: a concrete length is negative or not finite.
    """
    lengths = as_array(name, lengths, keep_doubles=True)
    if not is_concrete(lengths):
        lengths = jnp.asarray(lengths, dtype)
        return jnp.where((lengths >= 0) & jnp.isfinite(lengths), lengths, jnp.nan)
    values = np.asarray(lengths)
    wrong = ~((values >= 0) & np.isfinite(values))
    if np.any(wrong):
        raise ValueError(
            f"{name} must be finite and at least 0, not {values[wrong].ravel()[0]}; {remedy}."
        )
    return jnp.asarray(lengths, dtype)


def broadcast_lengths(name: str, length: Epsilon, problem: Problem, images: Images) -> Array:
    """A length for all samples, or for each sample, channel or pixel, broadcastable to the images.

    Raises:
      ValueError: the shape is none of these, or the length differs between channels or pixels and
        the norm is not linf.
    """
    length = checked_lengths(name, length, images.dtype)
    if not length.ndim:
        return length
    if length.shape == images.shape[:1]:
        return like(length, images)
    try:
        fits = np.broadcast_shapes(length.shape, images.shape) == images.shape
    except ValueError:
        fits = False
    if not fits or length.ndim < max(images.ndim - 1, 2):
        channels = (1,) * (images.ndim - 2) + images.shape[-1:]
        raise ValueError(
            f"{name} must be a scalar, or one value per sample {images.shape[:1]}, channel "
            f"{channels} or pixel {images.shape[1:]} or {images.shape}, not of shape "
            f"{length.shape}."
        )
    per_sample = images.shape[:1] + (1,) * (images.ndim - 1)
    if problem.norm is not NORMS["linf"] and length.shape not in (per_sample, (1,) * length.ndim):
        ball = "an l2 ball" if problem.norm is NORMS["l2"] else "a ball in your norm"
        raise ValueError(
            f"{name} of shape {length.shape} has one value per channel or pixel, but {ball} has "
            'one radius; use norm="linf", or give one value per sample.'
        )
    return length


def one_length(name: str, length: Any, images: Images) -> Any:
    """A length for all samples.

    Raises:
      TypeError: the length is not a number.
      ValueError: the length is not a scalar.
    """
    length = checked_lengths(name, length, images.dtype)
    if length.ndim:
        raise ValueError(f"{name} must be a scalar for a curve, not of shape {length.shape}.")
    return length


def like(values: Array, images: Images) -> Array:
    """One value per sample, in a shape that broadcasts against the images."""
    return values.reshape(values.shape + (1,) * (images.ndim - 1))


def check_numbers(result: Array) -> Array:
    """Returns the result, after checking for NaN, which only the network can have caused.

    Raises:
      ValueError: the result is concrete and contains NaN, so that logits or gradients were not
        finite.
    """
    if is_concrete(result) and np.any(np.isnan(np.asarray(result).astype(np.float64))):
        raise ValueError(
            "logits_fn gives logits that are NaN or infinite, or have such gradients; check the "
            "network's weights."
        )
    return result
