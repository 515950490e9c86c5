"""Checks of variances along principal components."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.arguments.arrays import as_array, is_concrete


def checked_variances(variances) -> Float[Array, "units"]:
    """The variances as a vector in float32 or wider.

    Args:
      variances: numbers in any order; integers are accepted. Small negative values that rounding in
        float32 can cause are accepted and returned unchanged.

    Raises:
      TypeError: variances are not real numbers.
      ValueError: variances are not a vector, are empty, or one is clearly negative.
    """
    array = as_array("variances", variances)
    if array.ndim != 1:
        raise ValueError(f"variances must have shape (units,), not {array.shape}; use vmap.")
    if not array.size:
        raise ValueError("variances are empty; give the variance of at least one component.")
    if not (jnp.issubdtype(array.dtype, jnp.integer) or jnp.issubdtype(array.dtype, jnp.floating)):
        raise TypeError(f"variances must be real numbers, not {array.dtype}.")
    checked = jnp.asarray(array)
    checked = checked.astype(jnp.promote_types(checked.dtype, jnp.float32))
    if is_concrete(checked):
        values = np.asarray(checked)
        # Uses the eps of float32, because wider numbers can have been converted from it.
        rounding = np.finfo(np.float32).eps * values.size * np.max(np.abs(values))
        wrong = values < -rounding
        if np.any(wrong):
            raise ValueError(
                f"variances hold {values[wrong][0]}, but a variance is not negative; give the "
                "eigenvalues of a covariance matrix."
            )
    return checked


def noise_floor(variances: Float[Array, "units"]) -> Float[Array, ""]:
    """The largest variance that rounding can cause: eps · units · largest variance."""
    return jnp.finfo(variances.dtype).eps * variances.size * jnp.max(variances)
