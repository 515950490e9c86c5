"""The class-selectivity regularizer: cross-entropy − alpha · mean selectivity.

References:
  Leavitt & Morcos, 2020, "Selectivity considered harmful", arXiv 2003.01262.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.selectivity import Activations, mean_selectivity

__all__ = ["selectivity_penalty"]


def selectivity_penalty(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    alpha: float | Float[Array, ""],
    layers: Sequence[str] | None = None,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, ""]:
    """−alpha · μ_SI, to be added to the loss.

    Args:
      activations: layer name to array of shape (samples, …, units), or a single array.
      labels: class of each sample.
      num_classes: number of classes; those absent from the batch take no part.
      alpha: below 0 discourages class selectivity, above 0 promotes it. May be traced, so that one
        compilation serves all values; a schedule is any optax schedule, `alpha=schedule(step)`.
      layers: names of the regularized layers; by default all.
      where: samples that count.
      axis_name: mapped axis of devices that share the batch. The penalty is then that of the whole
        batch, the same on each device; averaging the devices' gradients, as is usual, gives what a
        single device with the whole batch would compute.

    Returns:
      A scalar between −abs(alpha) and abs(alpha).

    Raises:
      TypeError: labels are no integers, or activations no floating-point numbers.
      ValueError: shapes do not fit one another, a name in layers is unknown, or alpha is no scalar.

    References:
      Leavitt & Morcos, 2020, arXiv 2003.01262 (the selectivity regularizer).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> activations, labels = {"first": jnp.array([[1.0, 2.0], [0.0, 2.0]])}, jnp.array([0, 1])
      >>> penalty = selectax.selectivity_penalty(activations, labels, 2, alpha=-1.0)
      >>> round(float(penalty), 3)
      0.5
    """
    if jnp.ndim(alpha) != 0:
        raise ValueError(f"alpha must be a scalar, not an array of shape {jnp.shape(alpha)}.")
    return -alpha * mean_selectivity(
        activations, labels, num_classes, layers=layers, where=where, axis_name=axis_name
    )
