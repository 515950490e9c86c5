"""The consistency term of AugMix's loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from selectax.arguments.arrays import as_array

# Smallest probability of the mixture, as in the authors' code.
_SMALLEST = 1e-7


def jensen_shannon_consistency(
    logits_clean: Float[Array, "samples classes"],
    logits_one: Float[Array, "samples classes"],
    logits_two: Float[Array, "samples classes"],
) -> Float[Array, ""]:
    """Jensen–Shannon divergence of a network's predictions for three versions of each image.

    It is the mean over the samples and the three versions of KL(p ‖ m), where p are the
    probabilities for one version and m is the mean of the three, clipped to [1e-7, 1]. The authors
    add 12 times this term to the cross-entropy of the clean images.

    Args:
      logits_clean: logits of the clean images.
      logits_one: logits of an augmented version of the same images.
      logits_two: logits of another augmented version.

    Returns:
      A number from 0, if the three predictions agree, to log 3 nats; NaN if a logit is NaN. The
      dtype is float32, or wider if the logits are.

    Raises:
      TypeError: logits are not floating-point numbers.
      ValueError: logits do not all have the same shape (samples, classes), or there are no samples.

    References:
      Hendrycks et al., 2020, arXiv 1912.02781; we followed the function `train` of cifar.py in the
      authors' code.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.augmix import jensen_shannon_consistency
      >>> logits = jnp.array([[0.0, 40.0]])
      >>> jensen_shannon_consistency(logits, logits, logits).round(3)
      Array(0., dtype=float32)
      >>> jensen_shannon_consistency(logits, logits, -logits).round(3)
      Array(0.637, dtype=float32)
    """
    names = ("logits_clean", "logits_one", "logits_two")
    given = (logits_clean, logits_one, logits_two)
    logits = [_checked(name, values) for name, values in zip(names, given, strict=True)]
    for name, values in zip(names[1:], logits[1:], strict=True):
        if values.shape != logits[0].shape:
            raise ValueError(
                f"{name} of shape {values.shape} does not fit logits_clean of shape "
                f"{logits[0].shape}; give the logits of versions of the same images."
            )
    stacked = jnp.stack(logits)
    stacked = stacked.astype(jnp.promote_types(stacked.dtype, jnp.float32))
    probabilities = jax.nn.softmax(stacked, axis=-1)
    mixture = jnp.log(jnp.clip(jnp.mean(probabilities, axis=0), _SMALLEST, 1))
    # A logit of -inf has probability 0, which adds nothing and must not make the gradient NaN.
    absent = probabilities == 0
    own = jnp.log(jnp.where(absent, 1, probabilities))
    return jnp.mean(jnp.sum(probabilities * (own - mixture), axis=-1))


def _checked(name, values):
    values = jnp.asarray(as_array(name, values))
    if not jnp.issubdtype(values.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating-point numbers, not {values.dtype}; cast them.")
    if values.ndim != 2 or not values.size:
        raise ValueError(
            f"{name} must have shape (samples, classes) and at least one sample, not "
            f"{values.shape}; give one row for each image."
        )
    return values
