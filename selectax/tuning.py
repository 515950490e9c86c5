"""Indices of how units are tuned to classes, other than the class selectivity index.

One pass accumulates the count, mean and scatter of each unit's responses to each class by Chan's
update, which is accurate even if the mean is large. All indices here are computed from these
statistics, and so can be the class selectivity index:
`class_selectivity_index(statistics.mean, statistics.count > 0)`.

References:
  Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
  variances".
"""

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.activations import check_not_negative, checked_responses
from selectax.arguments.labels import checked_labels
from selectax.arguments.numbers import checked_count
from selectax.arguments.samples import checked_where
from selectax.arguments.states import check_alike, check_state, checked_sum_dtype
from selectax.numerics import compensated
from selectax.numerics.compiled import one_program
from selectax.renamed import old_names

__all__ = [
    "ClassStatistics",
    "class_conditional_mean_activity_selectivity",
    "d_prime",
    "init_class_statistics",
    "merge_class_statistics",
    "merge_class_statistics_over_devices",
    "preferred_class",
    "treves_rolls_sparseness",
    "update_class_statistics",
    "vinje_gallant_sparseness",
]

if not TYPE_CHECKING:  # type checkers are told the new names only
    __getattr__ = old_names(__name__)


# Returned instead of a preferred class.
_NO_CLASS = -1
_NOT_FINITE = -2
# Remainders of equal means are accurate to this many eps of the responses' standard deviation.
_NOISE = 16


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """Counts, means and scatters by class, accumulated in one pass over labelled responses.

    Statistics do not add: `merge_class_statistics` merges two, and
    `merge_class_statistics_over_devices` those of all devices.

    Attributes:
      count: number of samples seen of each class.
      mean: mean of each unit's responses to those samples, 0 for a class without samples.
      scatter: sum over those samples of the squared deviation from the mean.
      remainder: rounding error of the mean; the exact mean is mean + remainder.

    Example:
      >>> import selectax
      >>> selectax.init_class_statistics(num_classes=10, units=3).mean.shape
      (10, 3)
    """

    count: Float[Array, "classes"]
    mean: Float[Array, "classes units"]
    scatter: Float[Array, "classes units"]
    remainder: Float[Array, "classes units"] | float = 0.0


def init_class_statistics(
    num_classes: int, units: int, *, dtype: DTypeLike = jnp.float32
) -> ClassStatistics:
    """Initial statistics, of no samples.

    Args:
      num_classes: number of classes, at least 1.
      units: number of units of the responses.
      dtype: dtype of the statistics, independent of the responses' dtype; float64 needs
        `jax_enable_x64`.

    Returns:
      Counts of shape (classes,); means, scatters and remainders of shape (classes, units), all 0.

    Raises:
      TypeError: num_classes or units is not an integer, or dtype is neither float32 nor float64.
      ValueError: num_classes or units is below 1.

    Example:
      >>> import selectax
      >>> selectax.init_class_statistics(num_classes=10, units=16).scatter.shape
      (10, 16)
    """
    num_classes = checked_count("num_classes", num_classes)
    dtype = checked_sum_dtype(dtype)
    empty = jnp.zeros((num_classes, checked_count("units", units)), dtype)
    return ClassStatistics(jnp.zeros(num_classes, dtype), empty, empty, empty)


def update_class_statistics(
    statistics: ClassStatistics,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> ClassStatistics:
    """Adds a batch of responses to the statistics.

    Args:
      statistics: the state so far.
      responses: one number per sample and unit; bfloat16 and float16 are summed in float32. For
        responses that can be negative, see `unit_responses(…, signed=…)`.
      labels: class of each sample, from 0 to classes − 1, or −1 to ignore the sample. Traced
        labels cannot be checked; those that are not a class are ignored.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      Statistics of all samples so far, in the dtype of the given statistics. If a response is NaN
      or infinite, its unit's means and scatters become NaN.

    Raises:
      TypeError: statistics is not ClassStatistics, labels are not integers, or responses are not
        floating-point numbers.
      ValueError: shapes do not match, or a concrete label is not a class.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> statistics.mean.tolist(), statistics.scatter.tolist()
      ([[2.0], [0.0]], [[2.0], [0.0]])
    """
    check_state("statistics", ClassStatistics, statistics)
    num_classes, units = statistics.mean.shape
    responses = checked_responses(responses, units)
    labels = checked_labels(labels, len(responses), num_classes)
    where = checked_where(where, len(responses))
    return _with_batch(statistics, responses, labels, where)


def merge_class_statistics(a: ClassStatistics, b: ClassStatistics) -> ClassStatistics:
    """Statistics of the samples of both; associative and commutative up to rounding.

    Args:
      a: statistics of some samples.
      b: statistics of other samples, with the same numbers of classes and units.

    Returns:
      Statistics of the sums of their counts.

    Raises:
      TypeError: a or b is no such state.
      ValueError: the numbers of classes or units differ.

    References:
      Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
      variances".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.merge_class_statistics(statistics, statistics).count.tolist()
      [4.0, 4.0]
    """
    check_alike(ClassStatistics, a, b, "(classes, units)", lambda state: state.mean.shape)
    return _merged(a, b)


def merge_class_statistics_over_devices(
    statistics: ClassStatistics, axis_name: str
) -> ClassStatistics:
    """Statistics of the samples of all devices along a mapped axis.

    Args:
      statistics: statistics of the samples on each device.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      Statistics of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), statistics)
      >>> def merge(statistics):
      ...     return selectax.merge_class_statistics_over_devices(statistics, "devices")
      ...
      >>> jax.vmap(merge, axis_name="devices")(twice).count.tolist()
      [[4.0, 4.0], [4.0, 4.0]]
    """
    count = jax.lax.psum(statistics.count, axis_name)
    weight = (statistics.count / jnp.maximum(count, 1))[:, None]
    mean, remainder, difference = compensated.mean_over_devices(
        statistics.mean, statistics.remainder, weight, axis_name
    )
    between = jnp.square(difference) * statistics.count[:, None]
    scatter = jax.lax.psum(statistics.scatter + between, axis_name)
    return ClassStatistics(count, mean, scatter, remainder)


def preferred_class(statistics: ClassStatistics) -> Int[Array, "units"]:
    """The class to which each unit's mean response is largest; the first of equal ones.

    Args:
      statistics: statistics of the samples seen.

    Returns:
      An int32 for each unit. −1 if the unit prefers no class: the means of all present classes are
      equal (a dead unit), or fewer than two classes are present. −2 if a mean or a count is NaN or
      infinite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.preferred_class(statistics).tolist()
      [0]
    """
    return _preferred_class(statistics)


def class_conditional_mean_activity_selectivity(
    statistics: ClassStatistics,
) -> Float[Array, "units"]:
    """CCMAS, (μ_A − μ_¬A) / (μ_A + μ_¬A), for a unit's preferred class A.

    μ_¬A is the mean over all *samples* outside A, whereas the class selectivity index of
    `selectax.selectivity` uses the mean of the other *class means*. The two differ if classes have
    different numbers of samples, and by that index's eps.

    Args:
      statistics: statistics of responses that are not negative (after the ReLU).

    Returns:
      Between 0 for equal means and 1 for a unit that responds to one class only; 0 for a unit
      without a preferred class; NaN for a unit with a mean that is NaN or infinite.

    Raises:
      ValueError: a concrete mean is negative.

    References:
      Morcos et al., 2018, "On the importance of single directions for generalization" (the index);
      Gale et al., 2020, "Are there any 'object detectors' in the hidden layers of CNNs trained to
      identify objects or scenes?" (its name, and all images outside the class as μ_¬A).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.class_conditional_mean_activity_selectivity(statistics).round(3)
      Array([1.], dtype=float32)
    """
    _check_means(statistics)
    preferred, others, prefers = _preferred_and_others(statistics)
    return jnp.where(
        prefers,
        (preferred.mean - others.mean) / jnp.where(prefers, preferred.mean + others.mean, 1),
        0,
    )


def d_prime(statistics: ClassStatistics) -> Float[Array, "units"]:
    """Discriminability d′ of a unit's preferred class A from all other samples.

    d′ = (μ_A − μ_¬A) / √((σ²_A + σ²_¬A) / 2), with means and unbiased variances over samples. For
    unequal variances this form is also known as d_a.

    Args:
      statistics: statistics of the samples seen.

    Returns:
      Not negative. 0 for a unit without a preferred class; infinite if the means differ and both
      variances are 0; NaN if a response of the unit is NaN or infinite.

    References:
      Green & Swets, 1966, "Signal detection theory and psychophysics"; Simpson & Fitter, 1973,
      "What is the best index of detectability?" (the mean of the variances).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.d_prime(statistics).round(3)
      Array([2.], dtype=float32)
    """
    return _d_prime(statistics)


def treves_rolls_sparseness(statistics: ClassStatistics) -> Float[Array, "units"]:
    """Lifetime sparseness a = (mean r)² / mean r² over all samples. *Lower* values are sparser.

    Args:
      statistics: statistics of responses that are not negative (after the ReLU).

    Returns:
      Between 1 / samples for a unit that responds to one sample only and 1 for equal responses
      (including a dead unit); NaN if a response of the unit is NaN or infinite.

    Raises:
      ValueError: a concrete mean is negative.

    References:
      Treves & Rolls, 1991, "What determines the capacity of autoassociative memories in the brain?"
      (of a population); Rolls & Tovee, 1995, "Sparseness of the neuronal representation of stimuli
      in the primate temporal visual cortex" (over stimuli).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.treves_rolls_sparseness(statistics).round(3)
      Array([0.4], dtype=float32)
    """
    _check_means(statistics)
    return 1 - _share_of_variance(statistics)


def vinje_gallant_sparseness(statistics: ClassStatistics) -> Float[Array, "units"]:
    """Lifetime sparseness S = (1 − a) / (1 − 1 / n) of n samples, with the a of Treves & Rolls.

    Args:
      statistics: statistics of responses that are not negative (after the ReLU).

    Returns:
      Between 0 for equal responses (including a dead unit) and 1 for a unit that responds to one
      sample only; 0 for fewer than two samples; NaN if a response of the unit is NaN or infinite.

    Raises:
      ValueError: a concrete mean is negative.

    References:
      Vinje & Gallant, 2000, "Sparse coding and decorrelation in primary visual cortex during
      natural vision".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.vinje_gallant_sparseness(statistics).round(3)
      Array([0.8], dtype=float32)
    """
    _check_means(statistics)
    samples = jnp.sum(statistics.count)
    return _share_of_variance(statistics) / (1 - 1 / jnp.maximum(samples, 2))


class _Pool(NamedTuple):
    """Moments of each unit's responses to all samples of several classes.

    Attributes:
      mean: mean over all samples.
      variance: unbiased variance over all samples.
      origin: the largest class mean.
      shift: difference of the mean from the origin, more accurate than the rounded mean.
    """

    mean: Float[Array, "units"]
    variance: Float[Array, "units"]
    origin: Float[Array, "units"]
    shift: Float[Array, "units"]


@one_program
def _pool(statistics: ClassStatistics, member: Bool[Array, "classes units"]) -> _Pool:
    count = jnp.where(member, statistics.count[:, None], 0)
    total = jnp.sum(count, axis=0)
    share = count / jnp.maximum(total, 1)
    mean = jnp.sum(statistics.mean * share, axis=0)
    largest = jnp.max(statistics.mean, axis=0, where=~(count <= 0), initial=-jnp.inf)
    # Without a gradient: origin + shift, and its derivative, do not depend on the origin.
    origin = jax.lax.stop_gradient(jnp.where(largest == -jnp.inf, 0, largest))
    deviation = (statistics.mean - origin) + _remainder(statistics)
    shift = jnp.sum(deviation * share, axis=0)
    between = count * jnp.square(deviation - shift)
    scatter = jnp.sum(jnp.where(member, statistics.scatter, 0) + between, axis=0)
    return _Pool(mean, scatter / jnp.maximum(total - 1, 1), origin, shift)


@one_program
def _with_batch(statistics, responses, labels, where):
    num_classes = len(statistics.count)
    member = labels[:, None] == jnp.arange(num_classes, dtype=jnp.int32)
    if where is not None:
        member = member & where[:, None]
    counts = jnp.any(member, axis=1, keepdims=True)
    wide = jnp.promote_types(responses.dtype, statistics.mean.dtype)
    responses = responses.astype(jnp.promote_types(wide, jnp.float32))
    responses = jnp.where(counts, responses, 0)
    own_class = jnp.argmax(member, axis=1)
    member = member.astype(responses.dtype)
    count = jnp.sum(member, axis=0)

    def sums(values):
        return jnp.einsum("sc,su->cu", member, values, precision=jax.lax.Precision.HIGHEST)

    divisor = jnp.maximum(count, 1)[:, None]
    mean = compensated.rounded(sums(responses) / divisor)
    # A second pass: the rounding error of the first mean can be as large as the deviations.
    mean, remainder = compensated.add(mean, sums(responses - mean[own_class]) / divisor)
    about_rounded_mean = sums(jnp.square(responses - mean[own_class]))
    remainder = jnp.where(about_rounded_mean == 0, 0, remainder)  # of a constant
    scatter = about_rounded_mean - count[:, None] * jnp.square(remainder)
    merged = _merged(statistics, ClassStatistics(count, mean, scatter, remainder))
    dtype = statistics.mean.dtype
    mean, remainder = compensated.narrowed(merged.mean, merged.remainder, dtype)
    return ClassStatistics(
        merged.count.astype(dtype), mean, merged.scatter.astype(dtype), remainder
    )


@one_program
def _merged(a, b):
    count = a.count + b.count
    # Division by an infinite count would give a finite 0.
    divisor = jnp.where(jnp.isfinite(count), jnp.maximum(count, 1), jnp.nan)
    mean, remainder, difference = compensated.weighted_mean(
        (a.mean, a.remainder), (b.mean, b.remainder), (b.count / divisor)[:, None]
    )
    between = jnp.square(difference) * (a.count * b.count / divisor)[:, None]
    return ClassStatistics(count, mean, a.scatter + b.scatter + between, remainder)


@one_program
def _preferred_class(statistics):
    present = ~(statistics.count <= 0)[:, None]
    mean, remainder = statistics.mean, _remainder(statistics)
    highest = jnp.max(jnp.where(present, mean, -jnp.inf), axis=0)
    lowest = jnp.min(jnp.where(present, mean, jnp.inf), axis=0)
    # Equal rounded means are different means if their remainders differ by more than rounding.
    is_highest = present & (mean == highest)
    most = jnp.max(jnp.where(is_highest, remainder, -jnp.inf), axis=0)
    least = jnp.min(jnp.where(is_highest, remainder, jnp.inf), axis=0)
    noise = _NOISE * jnp.finfo(mean.dtype).eps * _deviation_within(statistics)
    best = jnp.argmax(is_highest & (remainder >= most - noise), axis=0)
    differ = (highest > lowest) | (most - least > noise)
    finite = jnp.all(jnp.isfinite(mean + remainder) | ~present, axis=0)
    finite &= jnp.all(jnp.isfinite(statistics.count))
    return jnp.where(finite, jnp.where(differ, best, _NO_CLASS), _NOT_FINITE).astype(jnp.int32)


@one_program
def _d_prime(statistics):
    preferred, others, prefers = _preferred_and_others(statistics)
    variance = (preferred.variance + others.variance) / 2
    # Includes the remainders, because the rounding of similar means can exceed their difference.
    difference = (preferred.origin - others.origin) + (preferred.shift - others.shift)
    difference = jnp.where(prefers, difference, 0)
    certain = variance == 0
    # Division by an infinite deviation would give a finite 0.
    spread = jnp.sqrt(jnp.where(certain, 1, variance) * jnp.where(variance < jnp.inf, 1, jnp.nan))
    return jnp.where(certain, jnp.where(difference > 0, jnp.inf, 0), difference / spread)


def _remainder(statistics: ClassStatistics) -> Float[Array, "classes units"]:
    return jnp.broadcast_to(statistics.remainder, statistics.mean.shape)


def _deviation_within(statistics: ClassStatistics) -> Float[Array, "units"]:
    scatter = jnp.sum(statistics.scatter, axis=0)
    return jnp.sqrt(scatter / jnp.maximum(jnp.sum(statistics.count), 1))


def _check_means(statistics: ClassStatistics) -> None:
    check_not_negative("means", statistics.mean)


def _preferred_and_others(statistics: ClassStatistics):
    preferred = preferred_class(statistics)
    is_preferred = jnp.arange(len(statistics.count), dtype=jnp.int32)[:, None] == preferred
    # A unit with NaN has no samples in the first pool, and the means of both pools are NaN.
    prefers = preferred != _NO_CLASS
    return _pool(statistics, is_preferred), _pool(statistics, ~is_preferred), prefers


@one_program
def _share_of_variance(statistics: ClassStatistics) -> Float[Array, "units"]:
    """1 − (mean r)² / mean r², computed without subtracting two nearly equal numbers."""
    pool = _pool(statistics, jnp.ones(statistics.mean.shape, bool))
    samples = jnp.sum(statistics.count)
    variance = pool.variance * jnp.maximum(samples - 1, 0) / jnp.maximum(samples, 1)
    energy = variance + jnp.square(pool.mean)
    return jnp.where(energy == 0, 0, variance / jnp.where(energy == 0, 1, energy))
