"""Losses that attacks maximise, with one value per sample, and the success of an attack."""

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
    """Log-odds against the true class; the cross-entropy is its softplus.

    It increases with the cross-entropy, and its gradient has the same direction. But the gradient
    does not vanish if the network is so certain that probabilities round to 0 and 1.

    Args:
      logits: logits of the network.
      labels: true classes.
      targets: target classes; the result is then the log-odds for the target.
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
    """DLR loss: the margin against the true class, divided by a difference of the largest logits.

    It does not depend on the scale or offset of the logits. It is positive if the sample is
    misclassified.

    Args:
      logits: logits of the network, for at least 3 classes, or 4 with targets.
      labels: true classes.
      targets: target classes.

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
            "use 'cross_entropy'."
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
    """Loss that calls the caller's own function and checks its result.

    Args:
      function: function of (logits, labels), or of (logits, labels, targets) for targeted attacks,
        that returns one value per sample. Logits are at least float32.
    """

    def loss(logits, labels, targets=None):
        logits = logits.astype(jnp.promote_types(logits.dtype, "float32"))
        others = () if targets is None else (targets,)
        found = jnp.asarray(function(logits, labels, *others))
        if found.shape != labels.shape or not jnp.issubdtype(found.dtype, jnp.floating):
            raise ValueError(
                f"loss must return floating-point numbers of shape {labels.shape}, one per sample, "
                f"not {found.dtype} of shape {found.shape}; leave out its mean."
            )
        return found

    return loss


def fooled(logits: Logits, labels: Labels, targets: Labels | None = None) -> Bool[Array, "samples"]:
    """Whether a sample is misclassified, or, with targets, classified as its target.

    Logits that are not finite count as a failure of the attack.
    """
    predicted = jnp.argmax(logits, axis=-1)
    reached = predicted != labels if targets is None else predicted == targets
    return reached & jnp.all(jnp.isfinite(logits), axis=-1)
