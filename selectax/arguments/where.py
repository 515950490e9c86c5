"""Checks of masks of the samples that count."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from selectax.arguments.arrays import as_array, is_concrete


def checked_where(where, samples: int) -> Bool[Array, "samples"] | None:
    """The mask as an array of booleans, or None.

    Args:
      where: None, or one boolean for each sample; the numbers 0 and 1 are accepted.
      samples: number of samples.

    Raises:
      TypeError: where does not hold numbers or booleans.
      ValueError: where has the wrong shape, or a concrete value is neither 0 nor 1.
    """
    if where is None:
        return None
    mask = as_array("where", where)
    if mask.shape != (samples,):
        raise ValueError(
            f"where must have shape ({samples},), one entry for each sample, not {mask.shape}."
        )
    if mask.dtype != bool and is_concrete(mask):
        values = np.asarray(mask)
        wrong = ~((values == 0) | (values == 1))
        if np.any(wrong):
            raise ValueError(
                f"where holds {values[wrong][0]}, but marks the samples that count by True and "
                "False; weights are not supported."
            )
    return jnp.asarray(mask).astype(bool)
