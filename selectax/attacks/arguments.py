"""What attacks are given, checked where the values are concrete."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.attacks.losses import LOSSES, Labels, Loss
from selectax.attacks.norms import NORMS, Images, Norm

LogitsFn = Callable[[Images], Float[Array, "samples classes"]]
Epsilon = float | Float[Array, ""] | Float[Array, "samples"]


class Problem(NamedTuple):
    """A network to be fooled on some images, by steps in some norm.

    Attributes:
      logits_fn: the attacked network.
      labels: true classes.
      targets: classes to be reached, or None.
      loss: what is maximised.
      geometry: of the ball and of a step.
      bounds: smallest and largest value of a pixel.
    """

    logits_fn: LogitsFn
    labels: Labels
    targets: Labels | None
    loss: Loss
    geometry: Norm
    bounds: tuple[float, float]


def checked_problem(logits_fn, images, labels, *, norm, bounds, targets=None, loss="cross_entropy"):
    """A Problem of good arguments.

    Raises:
      TypeError: images are no floats, or labels or targets no integers.
      ValueError: the data are empty, shapes do not fit, the norm or loss is unknown, bounds are
        reversed, or, where values are concrete, images lie outside the bounds, labels are negative
        or targets equal to labels.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, not {norm!r}.")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, not {loss!r}.")
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(f"images must be floats within bounds, not {images.dtype}; rescale them.")
    if images.ndim < 2 or labels.shape != images.shape[:1]:
        raise ValueError(
            "images must have shape (samples, …) and labels (samples,), "
            f"not {images.shape} and {labels.shape}."
        )
    if not images.size:
        raise ValueError(f"images of shape {images.shape} are empty; give at least one image.")
    _check_classes("labels", labels)
    if targets is not None:
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
    low, high = bounds
    if not low < high:
        raise ValueError(f"bounds must be (smallest, largest), not {bounds}; swap them.")
    if is_concrete(images):
        pixels = np.asarray(images)
        outside = ~((pixels >= low) & (pixels <= high))
        if np.any(outside):
            raise ValueError(
                f"images hold {pixels[outside][0]}, outside bounds={bounds}; "
                "rescale them or give other bounds."
            )
    return Problem(logits_fn, labels, targets, LOSSES[loss], NORMS[norm], bounds)


def check_logits(problem: Problem, logits: Float[Array, "samples classes"]) -> None:
    """Raises a ValueError if they are none, or labels are outside their classes.

    To be called wherever logits are formed, at no cost: within traced code shapes are known.
    """
    if logits.ndim != 2:
        raise ValueError(
            f"logits_fn must return logits of shape (samples, classes), not {logits.shape}; "
            "give a function that returns nothing else."
        )
    for name, classes in (("labels", problem.labels), ("targets", problem.targets)):
        _check_classes(name, classes, logits.shape[-1])


def _check_classes(name, classes, count=None):
    if classes is None or not is_concrete(classes):
        return
    if not jnp.issubdtype(classes.dtype, jnp.integer):
        raise TypeError(f"{name} must be integers, not {classes.dtype}.")
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


def check_lengths(name, lengths):
    """Raises a ValueError if a length is negative or not finite."""
    if not is_concrete(lengths):
        return
    lengths = np.asarray(lengths)
    wrong = ~((lengths >= 0) & np.isfinite(lengths))
    if np.any(wrong):
        raise ValueError(
            f"{name} must be finite and at least 0, not {lengths[wrong].ravel()[0]}; "
            "give a length in the images' units."
        )


def per_sample(name: str, length: Epsilon, images: Images) -> Array:
    """One length for all samples, or one each in a shape that broadcasts against the images."""
    check_lengths(name, length)
    length = jnp.asarray(length, images.dtype)
    if length.shape not in ((), images.shape[:1]):
        raise ValueError(
            f"{name} must be a scalar or one value a sample, {images.shape[:1]}, not of shape "
            f"{length.shape}."
        )
    return like(length, images) if length.ndim else length


def one_step_size(step_size: float | Array | None, images: Images) -> Array | None:
    """A step size for all samples, or None."""
    if step_size is None:
        return None
    check_lengths("step_size", step_size)
    step_size = jnp.asarray(step_size, images.dtype)
    if step_size.ndim:
        raise ValueError(f"step_size must be a scalar for a curve, not of shape {step_size.shape}.")
    return step_size


def like(values: Array, images: Images) -> Array:
    """Values a sample, in a shape that broadcasts against the images."""
    return values.reshape(values.shape + (1,) * (images.ndim - 1))


def is_concrete(*values) -> bool:
    """Whether none of the values is being traced."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))


def check_numbers(result: Array) -> Array:
    """The result, unless it is concrete and holds NaN, which only the network can have given.

    Raises:
      ValueError: the logits were NaN or infinite.
    """
    if is_concrete(result) and np.any(np.isnan(result)):
        raise ValueError(
            "logits_fn gives logits that are NaN or infinite; check the network's weights."
        )
    return result
