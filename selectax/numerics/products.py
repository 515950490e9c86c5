"""Products of matrices that are not rounded to fewer bits than their arguments have."""

import jax
import jax.numpy as jnp


def full_product(left, right):
    """A product of matrices. Without HIGHEST, TPUs and GPUs round to bfloat16 or TF32."""
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)
