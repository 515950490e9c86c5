"""Dimensionality of responses: streamed covariance, principal variances, and summaries of them.

The covariance is accumulated by Chan's pairwise update, which is accurate even if the mean is
large, and states merge in any order. Every function works under `jax.jit` and `jax.vmap`, so that
layers with the same number of units can be processed together.

If there are more units than samples, `principal_variances` of a matrix uses the smaller
samples × samples product. If there are many of both, `leading_variances` computes only the largest
variances.

References:
  Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
  variances".
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.activations import checked_layer, checked_responses
from selectax.arguments.arrays import as_array, is_concrete
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import check_real, checked_count
from selectax.arguments.samples import checked_where
from selectax.arguments.states import check_alike, check_state, checked_sum_dtype
from selectax.arguments.variances import checked_variances, noise_floor
from selectax.numerics import compensated
from selectax.numerics.compiled import one_program, run_compiled
from selectax.numerics.eigenvalues import descending_eigenvalues
from selectax.numerics.products import full_product
from selectax.renamed import old_names

__all__ = [
    "Covariance",
    "components_for_variance",
    "effective_rank",
    "init_covariance",
    "leading_variances",
    "merge_covariance",
    "merge_covariance_over_devices",
    "participation_ratio",
    "principal_variances",
    "response_matrix",
    "sample_covariance",
    "update_covariance",
]

if not TYPE_CHECKING:  # type checkers are told the new names only
    __getattr__ = old_names(__name__)

# Returned instead of a number of components.
_NOT_FINITE = -1


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Covariance:
    """Count, mean and scatter matrix, accumulated in one pass over responses.

    States do not add: `merge_covariance` merges two, and `merge_covariance_over_devices` those of
    all devices.

    Attributes:
      count: number of samples seen.
      mean: mean response of each unit.
      scatter: sum over samples of the outer product of the deviation from the mean with itself.
      remainder: rounding error of the mean; the exact mean is mean + remainder.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> state = selectax.init_covariance(units=3)
      >>> state.mean.shape, state.scatter.shape
      ((3,), (3, 3))
    """

    count: Float[Array, ""]
    mean: Float[Array, "units"]
    scatter: Float[Array, "units units"]
    remainder: Float[Array, "units"] | float = 0.0


def response_matrix(
    activations: Float[Array, "samples *space units"],
    form: Literal["means", "positions", "flattened"] = "means",
) -> Float[Array, "rows features"]:
    """Activations of a layer as a matrix, whose dimensionality can then be measured.

    Args:
      activations: activations of one layer, with any number of spatial dimensions.
      form: "means", one row per sample with each unit's mean over space, our default;
        "positions", one row per sample and position with the units at that position; "flattened",
        one row per sample with every unit at every position.

    Returns:
      Shape (samples, units), (samples · positions, units) or (samples, positions · units), in
      float32 or wider. The positions of a sample are consecutive rows, so
      `jnp.repeat(where, positions)` turns a mask of samples into a mask of rows.

    Raises:
      TypeError: activations are not floating-point numbers.
      ValueError: activations have fewer than two dimensions or no units, or form is unknown.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> activations = jnp.ones((5, 2, 2, 3))
      >>> [selectax.response_matrix(activations, form).shape for form in ("means", "flattened")]
      [(5, 3), (5, 12)]
    """
    activations = checked_layer("activations", activations)
    samples, *space, units = activations.shape
    activations = activations.astype(jnp.promote_types(activations.dtype, jnp.float32))
    if form == "means":
        return jnp.mean(activations, axis=tuple(range(1, activations.ndim - 1)))
    if form == "positions":
        return activations.reshape(samples * math.prod(space), units)
    if form == "flattened":
        return activations.reshape(samples, math.prod(space) * units)
    raise ValueError(f"form must be 'means', 'positions' or 'flattened', not {form!r}.")


def init_covariance(units: int, *, dtype: DTypeLike = jnp.float32) -> Covariance:
    """Initial state, of no samples.

    Args:
      units: number of units of the responses.
      dtype: dtype of the state, independent of the responses' dtype; float64 needs
        `jax_enable_x64`.

    Returns:
      Count, mean and remainder of shape (units,) and scatter of shape (units, units), all 0.

    Raises:
      TypeError: units is not an integer, or dtype is neither float32 nor float64.
      ValueError: units is below 1.

    Example:
      >>> import selectax
      >>> selectax.init_covariance(units=16).scatter.shape
      (16, 16)
    """
    units = checked_count("units", units)
    zeros = functools.partial(jnp.zeros, dtype=checked_sum_dtype(dtype))
    return Covariance(zeros(()), zeros(units), zeros((units, units)), zeros(units))


def update_covariance(
    state: Covariance,
    responses: Float[Array, "samples units"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Covariance:
    """Adds a batch of responses to the state.

    Args:
      state: the state so far.
      responses: one number per sample and unit; bfloat16 and float16 are summed in float32.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      The state of all samples so far, in the dtype of the given state. If a response is NaN or
      infinite, everything about its unit becomes NaN.

    Raises:
      TypeError: state is not Covariance, or responses are not floating-point numbers.
      ValueError: shapes do not match.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.0, 1.0], [2.0, 1.0]])
      >>> state = selectax.update_covariance(selectax.init_covariance(2), responses)
      >>> selectax.sample_covariance(state).tolist()
      [[2.0, 0.0], [0.0, 0.0]]
    """
    check_state("state", Covariance, state)
    responses = checked_responses(responses, state.mean.shape[0])
    responses = responses.astype(jnp.promote_types(responses.dtype, state.mean.dtype))
    count, mean, remainder, deviation = _center(responses, checked_where(where, len(responses)))
    scatter = full_product(deviation.T, deviation)
    merged = merge_covariance(state, Covariance(count, mean, scatter, remainder))
    dtype = state.mean.dtype
    mean, remainder = compensated.narrowed(merged.mean, merged.remainder, dtype)
    return Covariance(merged.count.astype(dtype), mean, merged.scatter.astype(dtype), remainder)


def merge_covariance(a: Covariance, b: Covariance) -> Covariance:
    """The state of the samples of both; associative and commutative up to rounding.

    Args:
      a: the state of some samples.
      b: the state of other samples, with the same number of units.

    Returns:
      A state of the sum of their counts.

    Raises:
      TypeError: a or b is no such state.
      ValueError: the numbers of units differ.

    References:
      Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
      variances".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> empty = selectax.init_covariance(1)
      >>> a = selectax.update_covariance(empty, jnp.array([[0.0], [2.0]]))
      >>> b = selectax.update_covariance(empty, jnp.array([[4.0]]))
      >>> float(selectax.sample_covariance(selectax.merge_covariance(a, b))[0, 0])
      4.0
    """
    check_alike(Covariance, a, b, "(units,)", lambda state: state.mean.shape)
    count = a.count + b.count
    divisor = _at_least_one(count)
    mean, remainder, difference = compensated.weighted_mean(
        (a.mean, a.remainder), (b.mean, b.remainder), b.count / divisor
    )
    between = jnp.outer(difference, difference) * (a.count * b.count / divisor)
    return Covariance(count, mean, a.scatter + b.scatter + between, remainder)


def merge_covariance_over_devices(state: Covariance, axis_name: str) -> Covariance:
    """The state of the samples of all devices along a mapped axis.

    Args:
      state: the state of the samples on each device.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      The state of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> def variance_of_all(responses):
      ...     state = selectax.update_covariance(selectax.init_covariance(1), responses)
      ...     state = selectax.merge_covariance_over_devices(state, "devices")
      ...     return selectax.sample_covariance(state)[0, 0]
      ...
      >>> responses = jnp.array([[[0.0], [2.0]], [[4.0], [6.0]]])  # of two devices
      >>> jax.vmap(variance_of_all, axis_name="devices")(responses).round(3)
      Array([6.667, 6.667], dtype=float32)
    """
    count = jax.lax.psum(state.count, axis_name)
    mean, remainder, difference = compensated.mean_over_devices(
        state.mean, state.remainder, state.count / _at_least_one(count), axis_name
    )
    between = jnp.outer(difference, difference) * state.count
    return Covariance(count, mean, jax.lax.psum(state.scatter + between, axis_name), remainder)


def sample_covariance(state: Covariance) -> Float[Array, "units units"]:
    """Unbiased sample covariance, scatter / (count − 1); zeros for fewer than two samples.

    Args:
      state: the state of the samples seen.

    Returns:
      A symmetric matrix; NaN if the count is NaN or infinite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.0, 0.0], [2.0, 4.0]])
      >>> state = selectax.update_covariance(selectax.init_covariance(2), responses)
      >>> selectax.sample_covariance(state).tolist()
      [[2.0, 4.0], [4.0, 8.0]]
    """
    return state.scatter / _at_least_one(state.count - 1)


def principal_variances(
    responses_or_state: Float[Array, "samples units"] | Covariance,
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, "units"]:
    """Variances along the principal components, in descending order and never negative.

    Args:
      responses_or_state: a matrix of responses, or a state accumulated from one. For a matrix with
        fewer samples than units, the eigenvalues of the samples × samples product are used, and
        variances beyond the number of samples are 0.
      where: the samples of the matrix that count; the others (padding) may hold any values, even
        NaN.

    Returns:
      One variance for each unit; their sum is the total variance. If a response of a sample that
      counts is NaN or infinite, all are NaN, but for those beyond the number of samples.

    Raises:
      TypeError: responses are not floating-point numbers.
      ValueError: responses are not a matrix, where has another length, or where is given together
        with a state.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
      >>> [round(variance, 2) for variance in selectax.principal_variances(responses).tolist()]
      [6.0, 0.67]
    """
    if isinstance(responses_or_state, Covariance):
        if where is not None:
            raise ValueError(
                "where applies to a matrix of responses, not to a state; "
                "give it to update_covariance."
            )
        return _variances_of_state(responses_or_state)
    responses = checked_responses(responses_or_state)
    return _variances_of_matrix(responses, checked_where(where, len(responses)))


def leading_variances(
    key: PRNGKeyArray,
    responses: Float[Array, "samples units"],
    components: int,
    *,
    oversampling: int = 10,
    iterations: int = 4,
    where: Bool[Array, "samples"] | None = None,
) -> tuple[Float[Array, "components"], Float[Array, ""]]:
    """The largest principal variances, by randomised subspace iteration, and the total variance.

    Meant for flattened maps of many samples, for which neither the units × units nor the
    samples × samples product fits into memory. Time grows with samples × units × components.

    Args:
      key: PRNG key for the initial subspace.
      responses: a matrix of responses.
      components: number of variances to compute.
      oversampling: additional dimensions of the subspace, for accuracy.
      iterations: number of multiplications by the covariance. More are more accurate if variances
        decrease slowly.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      The variances in descending order, none larger than the true one, and the exact total variance
      of all components, for `components_for_variance(…, total=…)`. All are NaN if a response of a
      sample that counts is NaN or infinite.

    Raises:
      TypeError: responses are not floating-point numbers, key is not a PRNG key, or a number is not
        an integer.
      ValueError: responses are not a matrix, or are empty, where has another length, a number is
        too small, or components exceeds the number of samples or units.

    References:
      Halko, Martinsson & Tropp, 2011, "Finding structure with randomness", algorithms 4.4 and 5.1.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
      >>> leading, total = selectax.leading_variances(jax.random.key(0), responses, components=1)
      >>> round(float(leading[0]), 2), round(float(total), 2)
      (6.0, 6.67)
    """
    key, responses = checked_key(key), checked_responses(responses)
    if not len(responses):
        raise ValueError(f"responses of shape {responses.shape} hold no sample.")
    checked_count("oversampling", oversampling, least=0)
    checked_count("iterations", iterations, least=0)
    if checked_count("components", components) > min(responses.shape):
        raise ValueError(
            f"components must be at most {min(responses.shape)}, the smaller side of responses, "
            f"not {components}."
        )
    count, _, _, deviation = _center(responses, checked_where(where, len(responses)))
    width = min(components + oversampling, *deviation.shape)
    divisor = _at_least_one(count - 1)
    find = functools.partial(_leading_squares, width=width, iterations=iterations)
    squares, total = run_compiled(find, key, deviation)
    return squares[:components] / divisor, total / divisor


def _leading_squares(key, deviation, width: int, iterations: int):
    """Sums of squares along the leading directions that a random search finds, and in total."""
    guess = jax.random.normal(key, (deviation.shape[1], width), deviation.dtype)

    def multiply(subspace, _):
        # Orthonormalizes after each product; otherwise all columns tend to the first component.
        subspace = jnp.linalg.qr(full_product(deviation, subspace))[0]
        return jnp.linalg.qr(full_product(deviation.T, subspace))[0], None

    subspace, _ = jax.lax.scan(multiply, jnp.linalg.qr(guess)[0], length=iterations)
    inside = full_product(deviation, subspace)
    return descending_eigenvalues(full_product(inside.T, inside)), jnp.sum(jnp.square(deviation))


def components_for_variance(
    variances: Float[Array, "units"],
    thresholds: Sequence[float] | Float[Array, "thresholds"] = (0.90, 0.95, 0.99),
    *,
    total: Float[Array, ""] | None = None,
) -> Int[Array, "thresholds"]:
    """Number of principal components needed to explain given fractions of the variance.

    Args:
      variances: principal variances in any order. Integers are accepted.
      thresholds: fractions of the total variance, between 0 and 1.
      total: total variance of all components, if variances holds only the leading ones.

    Returns:
      An int32 for each threshold; 0 if there is no variance. If the given variances do not reach
      the threshold, their number plus one, which is a lower bound. Variances of at most
      eps · units · largest variance are rounding errors and are not counted (eps is the machine
      epsilon), so a matrix of rank 3 has 3 components even for a threshold of 1. −1 if a variance,
      the total or the threshold is NaN or infinite.

    Raises:
      TypeError: variances or thresholds are not real numbers, or total is not a single one.
      ValueError: variances or thresholds are not a vector, or variances are empty, or, if values
        are concrete, a variance or the total is negative or a threshold is not between 0 and 1.

    References:
      Leavitt & Morcos, 2020, arXiv 2007.04440 (the measure; the thresholds are our choice).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> variances = jnp.array([6.0, 3.0, 0.9, 0.1])
      >>> selectax.components_for_variance(variances, (0.5, 0.8, 0.95)).tolist()
      [1, 2, 3]
    """
    variances = checked_variances(variances)
    shares = as_array("thresholds", thresholds, keep_doubles=True)
    if shares.ndim != 1:
        raise ValueError(f"thresholds must have shape (thresholds,), not {shares.shape}.")
    if is_concrete(shares):
        for share in np.asarray(shares).ravel().tolist():
            if not 0 <= share <= 1:
                raise ValueError(f"thresholds must lie between 0 and 1, not {share}.")
    if total is not None:
        check_real("total", total)
        if is_concrete(total) and total < 0:
            raise ValueError(f"total must not be negative, not {total}.")
    whole = None if total is None else jnp.asarray(total, variances.dtype)
    return _components(variances, jnp.asarray(shares).astype(variances.dtype), whole)


def participation_ratio(variances: Float[Array, "units"]) -> Float[Array, ""]:
    """Effective number of dimensions, (sum λ)² / sum λ².

    Args:
      variances: principal variances, not negative, in any order. Integers are accepted.

    Returns:
      Between 1 (all variance in one direction) and the number of units (equal variances); 0 if
      there is no variance; NaN if a variance is NaN or infinite. In float32 or wider.

    Raises:
      TypeError: variances are not real numbers.
      ValueError: variances are not a vector, or are empty, or a concrete variance is negative.

    References:
      Gao et al., 2017, "A theory of multineuronal dimensionality, dynamics and measurement", eq. 5.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> float(selectax.participation_ratio(jnp.array([2.0, 2.0, 0.0])))
      2.0
    """
    return _participation_ratio(checked_variances(variances))


def effective_rank(variances: Float[Array, "units"]) -> Float[Array, ""]:
    """Effective rank, exp(−Σ p log p), with p the shares of the singular values.

    The singular values are those of the centred responses, of samples × units. They are
    proportional to the standard deviations along the principal components, so that
    p = √λ / Σ √λ for principal variances λ. Roy & Vetterli and RankMe define the effective rank by
    singular values, not by their squares λ; weak components therefore weigh more than in
    `participation_ratio`. RankMe does not centre its matrix. We do (our choice), as for the other
    measures of dimensionality, because otherwise the mean response, which is large after a ReLU,
    would be the strongest component.

    Args:
      variances: principal variances, not negative, in any order. Integers are accepted.

    Returns:
      Between 1 (all variance in one direction) and the number of units (equal variances); 0 if
      there is no variance; NaN if a variance is NaN or infinite. In float32 or wider. Variances of
      at most eps · units · largest variance are rounding errors and are not counted, as in
      `components_for_variance`; together, the square roots of many of them would be large.

    Raises:
      TypeError: variances are not real numbers.
      ValueError: variances are not a vector, or are empty, or a concrete variance is negative.

    References:
      Roy & Vetterli, 2007, "The effective rank: a measure of effective dimensionality",
      definition 1.
      Garrido et al., 2023, "RankMe: assessing the downstream performance of pretrained
      self-supervised representations by their rank", eq. 1 (without its epsilon of 1e-7).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> float(selectax.effective_rank(jnp.array([2.0, 2.0, 0.0])))
      2.0
    """
    return _effective_rank(checked_variances(variances))


@one_program
def _components(variances, shares, total):
    variances = jnp.sort(variances, descending=True)
    cumulative = jnp.cumsum(variances)
    whole = cumulative[-1] if total is None else total
    wanted = shares[:, None] * whole
    # Adds 1 for the component that reaches the threshold, except for a threshold of 0.
    numbers = jnp.sum(cumulative < wanted, axis=1, dtype=jnp.int32) + (wanted[:, 0] > 0)
    above_noise = jnp.sum(variances > noise_floor(variances), dtype=jnp.int32)
    numbers = jnp.where(above_noise < len(variances), jnp.minimum(numbers, above_noise), numbers)
    finite = jnp.all(jnp.isfinite(variances)) & jnp.isfinite(wanted[:, 0])
    return jnp.where(finite, numbers, _NOT_FINITE)


@one_program
def _effective_rank(variances):
    variances *= jnp.where(jnp.all(jnp.isfinite(variances)), 1, jnp.nan)  # the gradient, too
    largest = jnp.max(variances)
    noise = variances <= noise_floor(variances)
    relative = jnp.where(noise, 1, variances / jnp.where(largest == 0, 1, largest))
    deviations = jnp.where(noise, 0, jnp.sqrt(relative))  # double where: finite gradients
    shares = deviations / jnp.maximum(jnp.sum(deviations), 1)  # the largest deviation is 1
    entropy = -jnp.sum(shares * jnp.log(jnp.where(noise, 1, shares)))
    return jnp.where(largest == 0, 0, jnp.exp(entropy))


@one_program
def _participation_ratio(variances):
    largest = jnp.max(variances)
    share = variances / jnp.where(largest == 0, 1, largest)  # squares of tiny variances underflow
    energy = jnp.sum(share**2)
    return jnp.where(energy == 0, 0, jnp.sum(share) ** 2 / jnp.where(energy == 0, 1, energy))


@jax.jit
def _variances_of_state(state: Covariance) -> Float[Array, "units"]:
    return descending_eigenvalues(sample_covariance(state))


@jax.jit
def _variances_of_matrix(responses, where) -> Float[Array, "units"]:
    count, _, _, deviation = _center(responses, where)
    samples, units = deviation.shape
    if samples >= units:
        return descending_eigenvalues(
            full_product(deviation.T, deviation) / _at_least_one(count - 1)
        )
    if samples == 0:
        return jnp.zeros(units, deviation.dtype)
    variances = descending_eigenvalues(
        full_product(deviation, deviation.T) / _at_least_one(count - 1)
    )
    return jnp.pad(variances, (0, units - samples))


def _at_least_one(count):
    """The count as a divisor; NaN if not finite, because division by infinity would give 0."""
    return jnp.where(jnp.isfinite(count), jnp.maximum(count, 1), jnp.nan)


@one_program
def _center(responses, where):
    """Number of samples that count, their mean, its remainder, and the deviations from the mean.

    The deviations of samples that do not count are 0.
    """
    mask = jnp.ones((len(responses), 1), bool) if where is None else where[:, None]
    responses = responses.astype(jnp.promote_types(responses.dtype, jnp.float32))
    count = jnp.sum(mask, dtype=responses.dtype)
    divisor = jnp.maximum(count, 1)
    mean = compensated.rounded(jnp.sum(jnp.where(mask, responses, 0), axis=0) / divisor)
    deviation = jnp.where(mask, responses - mean, 0)
    # A second pass: the rounding error of the first mean can be as large as the deviations.
    correction = jnp.sum(deviation, axis=0) / divisor
    deviation = deviation - correction
    mean, remainder = compensated.add(mean, correction)
    # A constant unit must have variance 0 although its mean is rounded. Infinity is not a constant.
    highest = jnp.max(responses, axis=0, where=mask, initial=-jnp.inf)
    lowest = jnp.min(responses, axis=0, where=mask, initial=jnp.inf)
    constant = (highest == lowest) & jnp.isfinite(highest)
    mean, remainder = jnp.where(constant, highest, mean), jnp.where(constant, 0, remainder)
    return count, mean, remainder, jnp.where(mask & ~constant, deviation, 0)
