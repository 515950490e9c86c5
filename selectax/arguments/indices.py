"""Checks of class means, of the eps of an index, and of indices."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from selectax.arguments.arrays import as_array, is_concrete
from selectax.arguments.numbers import check_real
from selectax.arguments.samples import checked_mask


def checked_means(means, present) -> tuple[Float[Array, "classes units"], Bool[Array, "classes"]]:
    """The mean responses to each class, and which classes to use.

    Args:
      means: mean response of each unit to each class.
      present: the classes to use, or None for all.

    Raises:
      TypeError: means are not floating-point numbers.
      ValueError: means or present have the wrong shape, or a concrete entry of present is neither 0
        nor 1.
    """
    means = as_array("means", means)
    if means.ndim != 2:
        raise ValueError(f"means must have shape (classes, units), not {means.shape}.")
    if not jnp.issubdtype(means.dtype, jnp.floating):
        raise TypeError(f"means must be floating-point numbers, not {means.dtype}.")
    if present is None:
        return means, jnp.ones(means.shape[0], bool)
    given = as_array("present", present)
    if given.shape != means.shape[:1]:
        raise ValueError(f"present must have shape {means.shape[:1]}, not {given.shape}.")
    return means, checked_mask("present", given, "classes to use")


def check_eps(eps) -> None:
    """Raises a TypeError if eps is no single number, a ValueError if it is negative or infinite."""
    check_real("eps", eps)
    if is_concrete(eps) and not 0 <= eps < float("inf"):
        raise ValueError(f"eps must be finite and at least 0, not {eps}.")


def checked_index(index) -> Float[Array, "units"]:
    """The index of each unit of a layer, in float32 or wider.

    Raises:
      TypeError: the index is not of floating-point numbers.
      ValueError: the index is not a vector or is empty.
    """
    index = as_array("index", index)
    if index.ndim != 1 or not index.size:
        raise ValueError(
            f"index must have shape (units,) with at least one unit, not {index.shape}; use vmap "
            "for several layers."
        )
    if not jnp.issubdtype(index.dtype, jnp.floating):
        raise TypeError(f"index must be floating-point numbers, not {index.dtype}.")
    index = jnp.asarray(index)  # float64 from NumPy is float32 here unless 64 bits are enabled
    return index.astype(jnp.promote_types(index.dtype, jnp.float32))
