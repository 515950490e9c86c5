"""Class selectivity index of units whose responses can be negative."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from selectax.arguments.arrays import as_array
from selectax.selectivity import class_selectivity_index


def signed_selectivity_index(
    means: Float[Array, "classes parts"],
    present: Bool[Array, "classes"] | None = None,
    *,
    eps: float = 1e-6,
) -> Float[Array, "units"]:
    """Class selectivity index of units from the class means of their positive and negative parts.

    Each part has an index of its own. The index of the unit is their mean, weighted by the means of
    the parts over classes: a part that is nearly 0 hardly counts, and a unit that is never negative
    has its usual index. This weighting is our choice.

    The means can be streamed: `update_class_moments` accumulates both parts of each unit with
    `signed="split"`, and `class_means` returns their means.

    Args:
      means: mean of each part for each class, not negative: the positive parts of all units, then
        the magnitudes of their negative parts.
      present: the classes to use; all by default. The means of other classes may hold any values.
      eps: keeps the index of a nearly dead part finite.

    Returns:
      Between 0 and 1, one for each unit; 0 for a unit whose response is always 0. NaN for a unit
      with a mean that is NaN or infinite.

    Raises:
      TypeError: means are not floating-point numbers, or eps is not a single number.
      ValueError: the number of parts is odd, means or present have the wrong shape, or, if values
        are concrete, a mean of a present class is negative, or eps is negative or not finite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[4.0, 1.0], [0.0, -1.0]])  # of one sample of each of two classes
      >>> moments = selectax.init_class_moments(num_classes=2, units=4)
      >>> moments = selectax.update_class_moments(
      ...     moments, responses, jnp.array([0, 1]), signed="split"
      ... )
      >>> selectax.signed_selectivity_index(*selectax.class_means(moments)).round(3).tolist()
      [1.0, 1.0]
    """
    means = as_array("means", means)
    if means.ndim == 2 and means.shape[1] % 2:
        raise ValueError(
            f"means have {means.shape[1]} parts, but each unit has a positive and a negative one; "
            "accumulate them with update_class_moments(…, signed='split')."
        )
    of_parts = class_selectivity_index(means, present, eps=eps)
    means = jnp.asarray(means).astype(of_parts.dtype)
    if present is not None:
        means = jnp.where(jnp.asarray(present).astype(bool)[:, None], means, 0)
    sizes = jnp.sum(means, axis=0).reshape(2, -1)
    total = jnp.sum(sizes, axis=0)
    weights = sizes / jnp.where(total == 0, 1, total)  # a dead unit has index 0
    return jnp.sum(weights * of_parts.reshape(2, -1), axis=0)
