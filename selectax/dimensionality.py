"""Dimensionality of responses: streamed covariance, principal variances, and what they say.

The covariance is accumulated by Chan's pairwise update, so that a large mean does no harm, and
merges in any order. Every function is jittable and vmappable.

References:
  Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
  variances".
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Covariance:
    """What a pass over responses accumulates.

    Attributes:
      count: samples seen.
      mean: mean response of each unit.
      scatter: sum over samples of the outer product of a response's deviation from the mean.
    """

    count: Float[Array, ""]
    mean: Float[Array, "units"]
    scatter: Float[Array, "units units"]


def init_covariance(units: int) -> Covariance:
    """The state of no samples at all, in float32."""
    return Covariance(jnp.zeros(()), jnp.zeros(units), jnp.zeros((units, units)))


def update_covariance(
    state: Covariance,
    responses: Float[Array, "samples units"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Covariance:
    """Adds a batch of responses to the state.

    Args:
      state: what was accumulated before.
      responses: one number per sample and unit; bfloat16 and float16 are summed in float32.
      where: samples that count; the others (padding) may hold anything, NaN too.

    Raises:
      TypeError: responses are no floating-point numbers.
      ValueError: shapes do not fit one another.
    """
    if not jnp.issubdtype(responses.dtype, jnp.floating):
        raise TypeError(f"responses must be floating-point numbers, not {responses.dtype}.")
    if responses.ndim != 2 or responses.shape[1:] != state.mean.shape:
        raise ValueError(
            f"responses must have shape (samples, {state.mean.shape[0]}), not {responses.shape}."
        )
    if where is None:
        where = jnp.ones(responses.shape[0], bool)
    elif where.shape != responses.shape[:1]:
        raise ValueError(f"where must have shape {responses.shape[:1]}, not {where.shape}.")
    mask = where.astype(bool)[:, None]
    responses = responses.astype(jnp.promote_types(responses.dtype, jnp.float32))
    count = jnp.sum(mask, dtype=responses.dtype)
    divisor = jnp.maximum(count, 1)
    mean = jnp.sum(jnp.where(mask, responses, 0), axis=0) / divisor
    deviation = jnp.where(mask, responses - mean, 0)
    # The rounding error of the first mean, small beside it, need not be small beside a deviation.
    correction = jnp.sum(deviation, axis=0) / divisor
    deviation = jnp.where(mask, deviation - correction, 0)
    scatter = jnp.matmul(deviation.T, deviation, precision=jax.lax.Precision.HIGHEST)
    return merge_covariance(state, Covariance(count, mean + correction, scatter))


def merge_covariance(a: Covariance, b: Covariance) -> Covariance:
    """The state of the samples of both; associative and commutative up to rounding.

    Raises:
      ValueError: the numbers of units differ.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"a and b differ in units: {a.mean.shape[0]} and {b.mean.shape[0]}.")
    count = a.count + b.count
    divisor = jnp.maximum(count, 1)
    difference = b.mean - a.mean
    mean = a.mean + difference * (b.count / divisor)
    between = jnp.outer(difference, difference) * (a.count * b.count / divisor)
    return Covariance(count, mean, a.scatter + b.scatter + between)


def covariance(state: Covariance) -> Float[Array, "units units"]:
    """Unbiased sample covariance, scatter / (count − 1); zeros for fewer than two samples."""
    return state.scatter / jnp.maximum(state.count - 1, 1)


@jax.jit
def principal_variances(
    responses_or_state: Float[Array, "samples units"] | Covariance,
) -> Float[Array, "units"]:
    """Variances along the principal components, in descending order, none below 0.

    Args:
      responses_or_state: a matrix of responses, or what was accumulated from one. With fewer
        samples than units the variances past the number of samples are 0 up to rounding.

    Raises:
      TypeError: responses are no floating-point numbers.
      ValueError: responses are no matrix.
    """
    state = responses_or_state
    if not isinstance(state, Covariance):
        if state.ndim != 2:
            raise ValueError(f"responses must have shape (samples, units), not {state.shape}.")
        state = update_covariance(init_covariance(state.shape[1]), state)
    return jnp.maximum(jnp.linalg.eigvalsh(covariance(state))[::-1], 0)


def components_for_variance(
    variances: Float[Array, "units"],
    thresholds: Sequence[float] | Float[Array, "thresholds"] = (0.90, 0.95, 0.99),
) -> Int[Array, "thresholds"]:
    """Number of leading principal components whose variances reach a share of the whole.

    Args:
      variances: principal variances, in descending order.
      thresholds: shares of the total variance, between 0 and 1.

    Returns:
      int32; 0 where there is no variance at all.

    Raises:
      ValueError: variances are no vector, or, where values are concrete, a threshold lies outside
        0 to 1.

    References:
      Leavitt & Morcos, 2020, arXiv 2007.04440 (which reports 0.95).
    """
    if variances.ndim != 1:
        raise ValueError(f"variances must have shape (units,), not {variances.shape}; use vmap.")
    if not isinstance(thresholds, jax.core.Tracer):
        for share in np.asarray(thresholds).tolist():
            if not 0 <= share <= 1:
                raise ValueError(f"thresholds must lie between 0 and 1, not {share}.")
    cumulative = jnp.cumsum(variances)
    total = cumulative[-1]
    wanted = jnp.asarray(thresholds, variances.dtype)[:, None] * total
    components = jnp.sum(cumulative < wanted, axis=1, dtype=jnp.int32) + 1
    return jnp.where(total > 0, components, 0)


def participation_ratio(variances: Float[Array, "units"]) -> Float[Array, ""]:
    """Effective number of dimensions, (sum λ)² / sum λ².

    Args:
      variances: principal variances, not negative, in any order.

    Returns:
      Between 1 (one direction) and the number of units (all alike); 0 for no variance at all.

    Raises:
      ValueError: variances are no vector.

    References:
      Gao et al., 2017, "A theory of multineuronal dimensionality, dynamics and measurement", eq. 5.
    """
    if variances.ndim != 1:
        raise ValueError(f"variances must have shape (units,), not {variances.shape}; use vmap.")
    largest = jnp.max(variances)
    share = variances / jnp.where(largest > 0, largest, 1)  # squares of tiny variances underflow
    energy = jnp.sum(share**2)
    return jnp.where(energy > 0, jnp.sum(share) ** 2 / jnp.where(energy > 0, energy, 1), 0)
