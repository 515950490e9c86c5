"""The class selectivity regularizer: loss = cross-entropy − alpha · mean selectivity.

`Regularizer` is the type of functions that can replace mean selectivity in this loss, for example
in control experiments.

References:
  Leavitt & Morcos, 2020, "Selectivity considered harmful", arXiv 2003.01262.
"""

from typing import Protocol

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.activations import Layers, Signed
from selectax.arguments.numbers import check_real
from selectax.selectivity import Activations, mean_selectivity

__all__ = ["Regularizer", "selectivity_penalty"]


class Regularizer(Protocol):
    """A function of activations and labels that can replace mean selectivity in the loss.

    The loss is then cross-entropy − alpha · regularizer(activations, labels, num_classes), so that
    a positive alpha promotes what the function measures and a negative alpha discourages it.
    `mean_selectivity` is the default. Other functions serve as controls: if the mean activity, or
    the responses along a random direction, change robustness in the same way, then the effect is
    not specific to class selectivity.

    A regularizer takes three positional arguments:

    - activations: layer name to array of shape (samples, …, units), in order of depth;
    - labels: class of each sample, an integer array of shape (samples,);
    - num_classes: number of classes, a Python int.

    It returns a scalar, must be differentiable with respect to the activations, and must work under
    `jax.jit` and `jax.vmap`. Random numbers must come from a fixed key, so that the function is the
    same in every training step.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> def mean_activity(activations, labels, num_classes):
      ...     return jnp.mean(jnp.stack([jnp.mean(layer) for layer in activations.values()]))
      ...
      >>> def activity_along_a_random_direction(activations, labels, num_classes):
      ...     responses = selectax.unit_responses(activations["first"])
      ...     direction = jax.random.normal(jax.random.key(0), responses.shape[1:])
      ...     return jnp.mean(jnp.abs(responses @ direction)) / jnp.linalg.norm(direction)
      ...
      >>> regularizers: list[selectax.Regularizer]
      >>> regularizers = [
      ...     selectax.mean_selectivity, mean_activity, activity_along_a_random_direction
      ... ]
      >>> activations = {"first": jnp.array([[1.0, 2.0], [0.0, 2.0]])}
      >>> [float(function(activations, jnp.array([0, 1]), 2)) > 0 for function in regularizers]
      [True, True, True]
    """

    def __call__(
        self,
        activations: dict[str, Float[Array, "samples *space units"]],
        labels: Int[Array, "samples"],
        num_classes: int,
        /,
    ) -> Float[Array, ""]:
        """Returns the scalar that the loss multiplies by −alpha."""


def selectivity_penalty(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    alpha: float | Float[Array, ""],
    layers: Layers | None = None,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
    signed: Signed = "error",
) -> Float[Array, ""]:
    """The term −alpha · μ_SI, to add to the loss.

    Args:
      activations: a dict from layer name to array of shape (samples, …, units), a list of such
        arrays, or a single array.
      labels: class of each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      num_classes: number of classes; classes absent from the batch are left out.
      alpha: strength; negative values discourage class selectivity, positive values promote it. It
        can be traced, so one compilation serves all values. For a schedule, pass
        `alpha=schedule(step)` with any optax schedule.
      layers: names of the regularized layers, or groups of names whose units are pooled, as in
        `mean_selectivity`; all layers by default.
      where: the samples that count.
      axis_name: name of the mapped axis of the devices that share the batch. The penalty is then
        that of the whole batch, the same on each device. The mean of the devices' gradients, as
        data-parallel training computes it, equals the gradient on a single device.
      signed: what to do with negative responses, as in `layer_selectivity`. A jitted training step
        cannot check values: choose "absolute" or "split" for a network with tanh or GELU.

    Returns:
      A scalar between −abs(alpha) and abs(alpha), in the dtype of the mean selectivity; NaN if
      alpha is NaN, or a response of a sample that counts is NaN or infinite.

    Raises:
      TypeError: labels are not integers, activations are not floating-point numbers, or alpha is
        not a single number.
      ValueError: shapes do not match, a name in layers is unknown, or, if values are concrete, a
        label is not a class or a response is negative.

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
    check_real("alpha", alpha)
    mean = mean_selectivity(
        activations,
        labels,
        num_classes,
        layers=layers,
        where=where,
        axis_name=axis_name,
        signed=signed,
    )
    return -jnp.asarray(alpha).astype(mean.dtype) * mean
