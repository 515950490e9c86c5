"""Losses that attacks maximise, one value a sample, and when an attack has reached its goal."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Logits = Float[Array, "samples classes"]
Labels = Int[Array, "samples"]
Loss = Callable[[Logits, Labels, Labels | None], Float[Array, "samples"]]
LossName = Literal["cross_entropy", "dlr"]
CustomLoss = Callable[..., Float[Array, "samples"]]


def cross_entropy(
    logits: Logits, labels: Labels, targets: Labels | None = None
) -> Float[Array, "samples"]:
    """Log of the odds against the true class, of which cross-entropy is the softplus.

    It grows and falls with the cross-entropy, and its gradient has the same direction, but does not
    vanish where the network is so certain that the probabilities round to 0 and 1.

    Args:
      logits: of the network.
      labels: true classes.
      targets: classes to be reached; the result is then the log of the odds for the target.
    """
    if targets is not None:
        return -cross_entropy(logits, targets)
    logits = logits.astype(jnp.promote_types(logits.dtype, "float32"))
    true = jnp.arange(logits.shape[-1]) == labels[:, None]
    others = jax.nn.logsumexp(jnp.where(true, -jnp.inf, logits), axis=-1)
    return others - jnp.sum(jnp.where(true, logits, 0), axis=-1)


def difference_of_logits_ratio(
    logits: Logits, labels: Labels, targets: Labels | None = None
) -> Float[Array, "samples"]:
    """DLR loss: the margin against the true class over a difference of the largest logits.

    Neither shifting nor scaling the logits changes it. It is positive where the sample is
    misclassified.

    Args:
      logits: of the network, of at least 3 classes; of at least 4 with targets.
      labels: true classes.
      targets: classes to be reached.

    Raises:
      ValueError: there are too few classes.

    References:
      Croce & Hein, 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
      parameter-free attacks", eq. 6, and eq. 7 with targets.
    """
    needed = 3 if targets is None else 4
    if logits.shape[-1] < needed:
        raise ValueError(
            f"loss 'dlr' needs at least {needed} classes, not {logits.shape[-1]}; "
            "take 'cross_entropy'."
        )
    logits = logits.astype(jnp.promote_types(logits.dtype, "float32"))
    largest, places = jax.lax.top_k(logits, needed)
    true = _logit(logits, labels)
    if targets is None:
        other = jnp.where(places[:, 0] == labels, largest[:, 1], largest[:, 0])
        return (other - true) / (largest[:, 0] - largest[:, 2] + 1e-12)
    spread = largest[:, 0] - (largest[:, 2] + largest[:, 3]) / 2
    return (_logit(logits, targets) - true) / (spread + 1e-12)


def _logit(logits, classes):
    return jnp.take_along_axis(logits, classes[:, None], axis=-1)[:, 0]


LOSSES = {"cross_entropy": cross_entropy, "dlr": difference_of_logits_ratio}


def loss_of_function(function: CustomLoss) -> Loss:
    """The Loss that a caller's own function of logits and labels stands for.

    Args:
      function: (logits, labels) to one value a sample, of logits in at least float32; of (logits,
        labels, targets) for targeted attacks.
    """

    def loss(logits, labels, targets=None):
        logits = logits.astype(jnp.promote_types(logits.dtype, "float32"))
        others = () if targets is None else (targets,)
        found = jnp.asarray(function(logits, labels, *others))
        if found.shape != labels.shape or not jnp.issubdtype(found.dtype, jnp.floating):
            raise ValueError(
                f"loss must return floating-point numbers of shape {labels.shape}, one a sample, "
                f"not {found.dtype} of shape {found.shape}; leave out its mean."
            )
        return found

    return loss


def fooled(logits: Logits, labels: Labels, targets: Labels | None = None) -> Bool[Array, "samples"]:
    """Whether the network errs, or, with targets, takes the sample for its target.

    Logits that are not finite say nothing, and count as no success.
    """
    predicted = jnp.argmax(logits, axis=-1)
    reached = predicted != labels if targets is None else predicted == targets
    return reached & jnp.all(jnp.isfinite(logits), axis=-1)
