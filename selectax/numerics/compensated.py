"""Compensated sums: a float and the remainder that its rounding left.

In float32, a mean of 1000 is rounded to a multiple of 6e-5. Streamed statistics keep the remainder
in a second float; otherwise the rounding of each batch's mean would appear as variance.

References:
  Knuth, 1997, "The art of computer programming", volume 2, section 4.2.2, theorem B.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def rounded(values: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The values, rounded, whatever is done with them.

    A compiler that fuses a product or a quotient with a sum leaves out the rounding between them.
    The deviation from a mean would then be that from another number than the mean that is kept.
    """
    # Compilers fuse nothing across a choice (but across jax.lax.optimization_barrier, on the CPU).
    return jnp.where(jnp.isnan(values), -values, values)


def add(
    a: Float[Array, "*shape"], b: Float[Array, "*shape"]
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """The rounded sum and its remainder; their sum is exact."""
    a, b = rounded(a), rounded(b)
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def weighted_mean(a, b, weight):
    """The weighted mean (1 − weight) · a + weight · b of two means with remainders.

    Args:
      a: a mean and its remainder.
      b: another mean and its remainder.
      weight: fraction of all samples that belong to b.

    Returns:
      The mean, its remainder, and the difference b − a.
    """
    difference, remainders = b[0] - a[0], b[1] - a[1]
    mean, left = add(a[0], difference * weight)
    mean, remainder = add(mean, left + (a[1] + remainders * weight))
    return mean, remainder, difference + remainders


def mean_over_devices(mean, remainder, weight, axis_name):
    """The weighted mean of the means of all devices along a mapped axis.

    Args:
      mean: the mean on each device.
      remainder: its remainder.
      weight: fraction of all samples that are on the device.
      axis_name: name of the mapped axis.

    Returns:
      The mean of all samples, its remainder, and the difference of the device's own mean from it.
    """
    total = jax.lax.psum(mean * weight, axis_name)
    # A second pass: the rounding error of the first mean can be as large as the deviations.
    difference = (mean - total) + remainder
    correction = jax.lax.psum(difference * weight, axis_name)
    return *add(total, correction), difference - correction


def narrowed(mean, remainder, dtype):
    """Converts a mean and its remainder to a dtype that can be narrower."""
    rounded = mean.astype(dtype)
    return rounded, (remainder + (mean - rounded.astype(mean.dtype))).astype(dtype)
