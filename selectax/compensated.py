"""Sums of two floats with what their rounding left over.

A mean of 1000 in float32 is rounded to multiples of 6e-5. Streamed statistics keep the remainder in
a second float, or the rounding of each batch's mean would pass for variance.

References:
  Knuth, 1997, "The art of computer programming", volume 2, section 4.2.2, theorem B.
"""

import jax
from jaxtyping import Array, Float


def add(
    a: Float[Array, "*shape"], b: Float[Array, "*shape"]
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """The rounded sum, and the remainder that makes it exact."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def weighted_mean(a, b, weight):
    """The mean (1 − weight) · a + weight · b of two means and their remainders.

    Args:
      a: a mean and its remainder.
      b: another mean and its remainder.
      weight: share of the samples that b is the mean of.

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
      weight: share of all samples that are on the device.
      axis_name: name of the mapped axis.

    Returns:
      The mean of all samples, its remainder, and the difference of the device's own mean from it.
    """
    total = jax.lax.psum(mean * weight, axis_name)
    # The rounding error of the first mean, small beside it, need not be small beside a deviation.
    difference = (mean - total) + remainder
    correction = jax.lax.psum(difference * weight, axis_name)
    return *add(total, correction), difference - correction


def narrowed(mean, remainder, dtype):
    """A mean and its remainder in a dtype that may be narrower."""
    rounded = mean.astype(dtype)
    return rounded, (remainder + (mean - rounded.astype(mean.dtype))).astype(dtype)
