"""Linear centered kernel alignment."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from selectax.similarity.joint_covariance import JointCovariance, scaled_blocks, state_of


def linear_cka(
    a: Float[Array, "samples units_a"] | JointCovariance,
    b: Float[Array, "samples units_b"] | None = None,
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, ""]:
    """Linear centered kernel alignment, ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) in Frobenius norms.

    A and B are the responses minus their means over samples. Symmetric, and unchanged if either
    layer's responses are rotated, shifted, or all scaled by the same number.

    Args:
      a: responses of the first layer, or the state of both layers.
      b: responses of the second layer to the same samples; omit it for a state.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      Between 0 (uncorrelated) and 1 (equal up to rotation and scale); 0 if the responses of a layer
      are constant; NaN if a response of a sample that counts is NaN or infinite. With fewer samples
      than units it is biased upwards.

    Raises:
      TypeError: responses are not floating-point numbers, or b is missing.
      ValueError: shapes do not match, or b or where is given together with a state.

    References:
      Kornblith et al., 2019, "Similarity of neural network representations revisited".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> a = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
      >>> turned = 3 * a @ jnp.array([[0.6, -0.8], [0.8, 0.6]])
      >>> round(float(selectax.linear_cka(a, turned)), 3)
      1.0
      >>> round(float(selectax.linear_cka(a, a[:, :1])), 3)
      0.707
    """
    return _alignment(state_of(a, b, where))


@jax.jit
def _alignment(state):
    (within_a, within_b, between), (deviation_a, deviation_b) = scaled_blocks(state)
    of_a = _norm(within_a * deviation_a[:, None] * deviation_a)
    of_b = _norm(within_b * deviation_b[:, None] * deviation_b)
    shared = _norm(between * deviation_a[:, None] * deviation_b)
    both = of_a * of_b
    return shared**2 / jnp.where(both == 0, 1, both)


def _norm(matrix):
    return jnp.sqrt(jnp.sum(jnp.square(matrix)))
