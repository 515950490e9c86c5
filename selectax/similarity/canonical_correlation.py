"""Canonical correlations between two layers, and their projection-weighted mean (PWCCA)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from selectax.arguments.variances import noise_floor
from selectax.numerics.products import full_product
from selectax.similarity.joint_covariance import JointCovariance, scaled_blocks, state_of


def canonical_correlations(
    a: Float[Array, "samples units_a"] | JointCovariance,
    b: Float[Array, "samples units_b"] | None = None,
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, "correlations"]:
    """Canonical correlations between the responses of two layers, in descending order.

    Unchanged by any invertible linear map of either layer's responses. Directions whose variance
    is no larger than rounding errors (of dead, constant or duplicated units) are left out.

    Args:
      a: responses of the first layer, or the state of both layers.
      b: responses of the second layer to the same samples; omit it for a state.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      As many as the smaller layer has units, each between 0 and 1; 0 for directions that are left
      out. NaN if a response of a sample that counts is NaN or infinite. With no more samples than
      units they are all 1, so many more samples are needed.

    Raises:
      TypeError: responses are not floating-point numbers, or b is missing.
      ValueError: shapes do not match, or b or where is given together with a state.

    References:
      Hotelling, 1936, "Relations between two sets of variates".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> a = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
      >>> b = jnp.array([[1.0, 1.0], [0.0, -1.0], [-1.0, 1.0], [0.0, -1.0]])
      >>> (selectax.canonical_correlations(a, b) + 0).round(3).tolist()
      [1.0, 0.0]
    """
    return _canonical(state_of(a, b, where))[0]


def pwcca(
    a: Float[Array, "samples units_a"] | JointCovariance,
    b: Float[Array, "samples units_b"] | None = None,
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, ""]:
    """Projection-weighted canonical correlation, sum α ρ / sum α over the canonical directions.

    The weight α_i is the sum over the units of the first layer of abs(⟨h_i, x_j⟩), where h_i is the
    first layer's canonical variate with correlation ρ_i, and x_j are the unit's responses minus
    their mean. Directions in which the first layer hardly responds thus count little. The distance
    of Morcos et al. (2018) is 1 minus this mean.

    It is not symmetric, because the weights are those of the first layer. Give the layer with fewer
    units first: only as many directions as the smaller layer has units are weighted.

    Args:
      a: responses of the first layer, or the state of both layers.
      b: responses of the second layer to the same samples; omit it for a state.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      Between 0 and 1; 0 if the responses of a layer are constant; NaN if a response of a sample
      that counts is NaN or infinite.

    Raises:
      TypeError: responses are not floating-point numbers, or b is missing.
      ValueError: shapes do not match, or b or where is given together with a state.

    References:
      Morcos, Raghu & Bengio, 2018, "Insights on representational similarity in neural networks with
      canonical correlation"; in the notation of Kornblith et al., 2019. Subtracting the mean from
      x_j is our choice.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> a = jnp.array([[3.0, 0.0], [0.0, 1.0], [-3.0, 0.0], [0.0, -1.0]])
      >>> b = jnp.array([[1.0, 1.0], [0.0, -1.0], [-1.0, 1.0], [0.0, -1.0]])
      >>> round(float(selectax.pwcca(a, b)), 3)  # the first direction weighs 3 times the second
      0.75
    """
    correlations, weights = _canonical(state_of(a, b, where))
    total = jnp.sum(weights)
    return jnp.sum(weights * correlations) / jnp.where(total == 0, 1, total)


@jax.jit
def _canonical(state: JointCovariance):
    """Canonical correlations, and their weights by the projections of the first layer's units."""
    (within_a, within_b, between), (deviation_a, _) = scaled_blocks(state)
    finite = jnp.all(jnp.isfinite(state.joint.scatter))
    # LAPACK can return finite numbers for matrices that are not.
    within_a, within_b, between = (
        jnp.where(finite, block, 0) for block in (within_a, within_b, between)
    )
    roots_a, axes_a, rank_a = _principal_axes(within_a)
    roots_b, axes_b, rank_b = _principal_axes(within_b)
    whitened = full_product(
        full_product((axes_a * _inverse(roots_a)).T, between), axes_b * _inverse(roots_b)
    )
    left, correlations = _left_singular(whitened)
    # Of h_i and x_j: the canonical directions in whitened coordinates, times the units in them.
    projections = full_product(left.T, roots_a[:, None] * axes_a.T * deviation_a)
    counted = jnp.arange(len(correlations)) < jnp.minimum(rank_a, rank_b)
    undefined = jnp.where(finite, 1, jnp.nan).astype(correlations.dtype)
    weights = jnp.where(counted, jnp.sum(jnp.abs(projections), axis=1), 0)
    return jnp.clip(correlations, 0, 1) * undefined, weights


def _principal_axes(within):
    """Square roots of the eigenvalues, 0 for those that rounding explains; axes; and the rank."""
    variances, axes = _eigen(within)
    counted = variances > noise_floor(variances)
    roots = jnp.where(counted, jnp.sqrt(jnp.where(counted, variances, 1)), 0)
    return roots, axes, jnp.sum(counted)


def _inverse(roots):
    return jnp.where(roots > 0, 1 / jnp.where(roots > 0, roots, 1), 0)


# One matrix after another, as in selectax.dimensionality: batched LAPACK calls can deadlock.
@jax.custom_batching.sequential_vmap
def _eigen(matrix):
    return jnp.linalg.eigh(matrix)


@jax.custom_batching.sequential_vmap
def _left_singular(matrix):
    left, values, _ = jnp.linalg.svd(matrix, full_matrices=False)
    return left, values
