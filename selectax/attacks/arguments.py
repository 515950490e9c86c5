"""What attacks are given, checked where the values are concrete."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.arguments.arrays import is_concrete
from selectax.arguments.bounds import Bounds, check_within_bounds, checked_bounds
from selectax.arguments.images import as_array, float_images, working_dtype
from selectax.arguments.logits import checked_logits_fn
from selectax.attacks.losses import LOSSES, Labels, Loss, LossName, loss_of_function
from selectax.attacks.norms import NORMS, Images, Norm

LogitsFn = Callable[[Images], Float[Array, "samples classes"]]
Epsilon = float | Float[Array, "..."] | Float[np.ndarray, "..."]


class Problem(NamedTuple):
    """A network to be fooled on some images, by steps in some norm.

    Attributes:
      logits_fn: the attacked network, of images in their own type; its result is checked.
      labels: true classes.
      targets: classes to be reached, or None.
      loss: what is maximised.
      geometry: of the ball and of a step.
      bounds: smallest and largest value of a pixel, broadcastable to the images.
      dtype: of the images. Attacks compute in at least float32.
    """

    logits_fn: LogitsFn
    labels: Labels
    targets: Labels | None
    loss: Loss
    geometry: Norm
    bounds: tuple[Any, Any]
    dtype: Any


def checked_problem(
    logits_fn,
    images,
    labels,
    *,
    norm: str,
    bounds: Bounds,
    targets=None,
    loss: LossName | Callable[..., Array] = "cross_entropy",
) -> tuple[Problem, Images]:
    """A Problem of good arguments, and the images in the type that attacks compute in.

    Raises:
      TypeError: images are no floats, labels or targets no integers, or logits_fn no function.
      ValueError: the data are empty, shapes do not fit, the norm or loss is unknown, bounds are
        reversed, or, where values are concrete, images lie outside the bounds, labels are negative
        or targets equal to labels.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, not {norm!r}.")
    if not callable(loss) and loss not in LOSSES:
        raise ValueError(
            f"loss must be one of {', '.join(LOSSES)} or a function of logits and labels, not "
            f"{loss!r}."
        )
    images, labels = float_images(images), as_array(labels)
    if images.ndim < 2 or labels.shape != images.shape[:1]:
        raise ValueError(
            "images must have shape (samples, …) and labels (samples,), "
            f"not {images.shape} and {labels.shape}."
        )
    if not images.size:
        raise ValueError(f"images of shape {images.shape} are empty; give at least one image.")
    _check_classes("labels", labels)
    if targets is not None:
        targets = as_array(targets)
        _check_targets(targets, labels)
    bounds = checked_bounds(bounds, images)
    check_within_bounds(images, bounds)
    problem = Problem(
        _with_checked_classes(checked_logits_fn(logits_fn), labels, targets),
        jnp.asarray(labels),
        targets if targets is None else jnp.asarray(targets),
        loss_of_function(loss) if callable(loss) else LOSSES[loss],
        NORMS[norm],
        bounds,
        images.dtype,
    )
    origin = jnp.asarray(images).astype(working_dtype(images.dtype))
    if not is_concrete(origin):
        # Clipping an infinite pixel to the bounds would make it look like any other.
        origin = jnp.where(jnp.isfinite(origin), origin, jnp.nan)
    return problem, origin


def _with_checked_classes(logits_fn, labels, targets):
    """Looks at labels and targets wherever logits are formed: shapes are known in traced code."""

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
            f"targets[{sample}]={targets[sample]} is the label itself; target another class."
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


def check_steps(steps):
    """Raises a ValueError if there is no step."""
    if is_concrete(steps) and np.min(steps) < 1:
        raise ValueError(f"steps must be at least 1, not {np.min(steps)}.")


def check_restarts(restarts, random_start=True):
    """Raises a ValueError if there is no attack, or several would be alike."""
    if restarts < 1:
        raise ValueError(f"restarts must be at least 1, not {restarts}.")
    if restarts > 1 and not random_start:
        raise ValueError(f"restarts={restarts} needs random_start=True, or all would be alike.")


def check_batch_size(batch_size):
    """Raises a ValueError if a batch holds no image."""
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}.")


def checked_lengths(name: str, lengths: Any, dtype: Any) -> Array:
    """Lengths in this type; those that are traced become NaN where they are no length.

    Raises:
      ValueError: a concrete length is negative or not finite.
    """
    if not is_concrete(lengths):
        lengths = jnp.asarray(lengths, dtype)
        return jnp.where((lengths >= 0) & jnp.isfinite(lengths), lengths, jnp.nan)
    values = np.asarray(lengths)
    wrong = ~((values >= 0) & np.isfinite(values))
    if np.any(wrong):
        raise ValueError(
            f"{name} must be finite and at least 0, not {values[wrong].ravel()[0]}; "
            "give a length in the images' units."
        )
    return jnp.asarray(lengths, dtype)


def broadcast_lengths(name: str, length: Epsilon, problem: Problem, images: Images) -> Array:
    """A length for all samples, each sample, channel or pixel, that broadcasts to the images.

    Raises:
      ValueError: the shape is none of these, or one of channels or pixels for another norm than
        linf.
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
            f"{name} must be a scalar or one value a sample, {images.shape[:1]}, a channel, "
            f"{channels}, or a pixel, {images.shape[1:]} or {images.shape}, not of shape "
            f"{length.shape}."
        )
    a_sample = images.shape[:1] + (1,) * (images.ndim - 1)
    if problem.geometry is not NORMS["linf"] and length.shape not in (a_sample, (1,) * length.ndim):
        raise ValueError(
            f"{name} of shape {length.shape} has one value a channel or a pixel, but an l2 ball "
            'has one radius; take norm="linf", or give one value a sample.'
        )
    return length


def one_length(name: str, length: Any, images: Images) -> Any:
    """A length for all samples, or None.

    Raises:
      ValueError: it is no scalar.
    """
    if length is None:
        return None
    length = checked_lengths(name, length, images.dtype)
    if length.ndim:
        raise ValueError(f"{name} must be a scalar for a curve, not of shape {length.shape}.")
    return length


def like(values: Array, images: Images) -> Array:
    """Values a sample, in a shape that broadcasts against the images."""
    return values.reshape(values.shape + (1,) * (images.ndim - 1))


def check_numbers(result: Array) -> Array:
    """The result, unless it is concrete and holds NaN, which only the network can have given.

    Raises:
      ValueError: the logits or their gradient were not finite.
    """
    if is_concrete(result) and np.any(np.isnan(np.asarray(result).astype(np.float64))):
        raise ValueError(
            "logits_fn gives logits that are NaN or infinite, or have such gradients; check the "
            "network's weights."
        )
    return result
