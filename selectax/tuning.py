"""How units are tuned to classes, by other indices than the class selectivity index.

One pass accumulates the number, mean and scatter of each unit's responses to each class, by Chan's
update, so that a large mean does no harm. All indices below come from these, and the class
selectivity index too: `class_selectivity_index(statistics.mean, statistics.count > 0)`.

References:
  Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
  variances".
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

__all__ = [
    "ClassStatistics",
    "class_conditional_mean_activity_selectivity",
    "d_prime",
    "init_class_statistics",
    "merge_class_statistics",
    "preferred_class",
    "sum_class_statistics",
    "treves_rolls_sparseness",
    "update_class_statistics",
    "vinje_gallant_sparseness",
]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """What a pass over labelled responses accumulates.

    Two are merged by `merge_class_statistics` and, over devices, by `sum_class_statistics`; they do
    not add, so psum alone does not merge them.

    Attributes:
      count: samples seen of each class.
      mean: of each unit's responses over those samples, 0 for a class without any.
      scatter: sum over those samples of the squared deviation from the mean.

    Example:
      >>> import selectax
      >>> selectax.init_class_statistics(num_classes=10, units=3).mean.shape
      (10, 3)
    """

    count: Float[Array, "classes"]
    mean: Float[Array, "classes units"]
    scatter: Float[Array, "classes units"]


def init_class_statistics(num_classes: int, units: int) -> ClassStatistics:
    """Statistics of no samples at all, in float32.

    Args:
      num_classes: at least 1.
      units: of the responses to come.

    Returns:
      Counts of shape (classes,), means and scatters of shape (classes, units), all 0.

    Example:
      >>> import selectax
      >>> selectax.init_class_statistics(num_classes=10, units=16).scatter.shape
      (10, 16)
    """
    empty = jnp.zeros((num_classes, units))
    return ClassStatistics(jnp.zeros(num_classes), empty, empty)


def update_class_statistics(
    statistics: ClassStatistics,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> ClassStatistics:
    """Adds a batch of responses to the statistics.

    Args:
      statistics: what was accumulated before.
      responses: one number per sample and unit; bfloat16 and float16 are summed in float32.
      labels: class of each sample; a label outside 0 … classes − 1 takes no part.
      where: samples that count; the others (padding) may hold anything, NaN too.

    Returns:
      Statistics of the samples seen so far.

    Raises:
      TypeError: labels are no integers, or responses no floating-point numbers.
      ValueError: shapes do not fit one another.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> statistics.mean.tolist(), statistics.scatter.tolist()
      ([[2.0], [0.0]], [[2.0], [0.0]])
    """
    num_classes, units = statistics.mean.shape
    if not jnp.issubdtype(responses.dtype, jnp.floating):
        raise TypeError(f"responses must be floating-point numbers, not {responses.dtype}.")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {labels.dtype}; cast class indices to int.")
    if responses.ndim != 2 or responses.shape[1] != units:
        raise ValueError(
            f"responses must have shape (samples, {units}), not {responses.shape}; take spatial "
            "means of activations first."
        )
    for name, values in (("labels", labels), ("where", where)):
        if values is not None and values.shape != responses.shape[:1]:
            raise ValueError(f"{name} must have shape {responses.shape[:1]}, not {values.shape}.")
    member = jnp.asarray(labels)[:, None] == jnp.arange(num_classes)
    if where is not None:
        member = member & where.astype(bool)[:, None]
    counts = jnp.any(member, axis=1, keepdims=True)
    responses = responses.astype(jnp.promote_types(responses.dtype, jnp.float32))
    responses = jnp.where(counts, responses, 0)
    own_class = jnp.argmax(member, axis=1)
    member = member.astype(responses.dtype)
    count = jnp.sum(member, axis=0)

    def sums(values):
        return jnp.einsum("sc,su->cu", member, values, precision=jax.lax.Precision.HIGHEST)

    divisor = jnp.maximum(count, 1)[:, None]
    mean = sums(responses) / divisor
    # The rounding error of the first mean, small beside it, need not be small beside a deviation.
    mean = mean + sums(responses - mean[own_class]) / divisor
    scatter = sums(jnp.square(responses - mean[own_class]))
    return merge_class_statistics(statistics, ClassStatistics(count, mean, scatter))


def merge_class_statistics(a: ClassStatistics, b: ClassStatistics) -> ClassStatistics:
    """The statistics of the samples of both; associative and commutative up to rounding.

    Args:
      a: of some samples.
      b: of others, of as many classes and units.

    Returns:
      Statistics of the sums of their counts.

    Raises:
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
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"a and b differ in (classes, units): {a.mean.shape} and {b.mean.shape}.")
    count = a.count + b.count
    divisor = jnp.maximum(count, 1)
    difference = b.mean - a.mean
    mean = a.mean + difference * (b.count / divisor)[:, None]
    between = jnp.square(difference) * (a.count * b.count / divisor)[:, None]
    return ClassStatistics(count, mean, a.scatter + b.scatter + between)


def sum_class_statistics(statistics: ClassStatistics, axis_name: str) -> ClassStatistics:
    """The statistics of the samples of all devices along a mapped axis.

    Args:
      statistics: of the samples on each device.
      axis_name: of the mapped axis.

    Returns:
      The statistics of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), statistics)
      >>> def sum_over_devices(statistics):
      ...     return selectax.sum_class_statistics(statistics, "device")
      ...
      >>> jax.vmap(sum_over_devices, axis_name="device")(twice).count.tolist()
      [[4.0, 4.0], [4.0, 4.0]]
    """
    count = jax.lax.psum(statistics.count, axis_name)
    weight = statistics.count / jnp.maximum(count, 1)
    mean = jax.lax.psum(statistics.mean * weight[:, None], axis_name)
    between = jnp.square(statistics.mean - mean) * statistics.count[:, None]
    return ClassStatistics(count, mean, jax.lax.psum(statistics.scatter + between, axis_name))


def preferred_class(statistics: ClassStatistics) -> Int[Array, "units"]:
    """Class of each unit's largest mean response, the first of equal ones.

    Args:
      statistics: of the samples seen.

    Returns:
      int32; −1 for a unit that prefers none: all present classes' means are equal (a dead unit), or
      fewer than two classes are present.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [0.0], [0.0]]), jnp.array([0, 0, 1, 1])
      >>> statistics = selectax.init_class_statistics(num_classes=2, units=1)
      >>> statistics = selectax.update_class_statistics(statistics, responses, labels)
      >>> selectax.preferred_class(statistics).tolist()
      [0]
    """
    present = (statistics.count > 0)[:, None]
    best = jnp.argmax(jnp.where(present, statistics.mean, -jnp.inf), axis=0)
    highest = jnp.max(jnp.where(present, statistics.mean, -jnp.inf), axis=0)
    lowest = jnp.min(jnp.where(present, statistics.mean, jnp.inf), axis=0)
    return jnp.where(highest > lowest, best, -1).astype(jnp.int32)


def class_conditional_mean_activity_selectivity(
    statistics: ClassStatistics,
) -> Float[Array, "units"]:
    """CCMAS, (μ_A − μ_¬A) / (μ_A + μ_¬A), for the class A of a unit's largest mean response.

    μ_¬A is the mean over all *samples* outside A, where the class selectivity index of
    `selectax.selectivity` takes the mean over the other *classes'* means. The two differ where
    classes are of unequal sizes, and in that index's eps.

    Args:
      statistics: of responses that are not negative (taken after the ReLU).

    Returns:
      0 for equal means to 1 for a unit that answers to one class alone; 0 for a unit without a
      preferred class.

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
      statistics: of the samples seen.

    Returns:
      Not negative; 0 for a unit without a preferred class, infinite for one that tells it apart
      without any variance.

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
    preferred, others, prefers = _preferred_and_others(statistics)
    variance = (preferred.variance + others.variance) / 2
    difference = jnp.where(prefers, preferred.mean - others.mean, 0)
    spread = jnp.sqrt(jnp.where(variance > 0, variance, 1))
    return jnp.where(variance > 0, difference / spread, jnp.where(difference > 0, jnp.inf, 0))


def treves_rolls_sparseness(statistics: ClassStatistics) -> Float[Array, "units"]:
    """Lifetime sparseness a = (mean r)² / mean r² over all samples; the *lower*, the sparser.

    Args:
      statistics: of responses that are not negative (taken after the ReLU).

    Returns:
      1 / samples for a unit that answers to one sample alone, to 1 for equal responses, a dead
      unit's too.

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
    return 1 - _share_of_variance(statistics)


def vinje_gallant_sparseness(statistics: ClassStatistics) -> Float[Array, "units"]:
    """Lifetime sparseness S = (1 − a) / (1 − 1 / n), a by Treves & Rolls, over all n samples.

    Args:
      statistics: of responses that are not negative (taken after the ReLU).

    Returns:
      0 for equal responses (a dead unit's too) to 1 for a unit that answers to one sample alone; 0
      for fewer than two samples.

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
    samples = jnp.sum(statistics.count)
    return _share_of_variance(statistics) / (1 - 1 / jnp.maximum(samples, 2))


class _Pool(NamedTuple):
    """Of each unit's responses to the samples of some classes."""

    mean: Float[Array, "units"]
    variance: Float[Array, "units"]


def _pool(statistics: ClassStatistics, member: Bool[Array, "classes units"]) -> _Pool:
    count = jnp.where(member, statistics.count[:, None], 0)
    total = jnp.sum(count, axis=0)
    mean = jnp.sum(statistics.mean * (count / jnp.maximum(total, 1)), axis=0)
    between = count * jnp.square(statistics.mean - mean)
    scatter = jnp.sum(jnp.where(member, statistics.scatter, 0) + between, axis=0)
    return _Pool(mean, scatter / jnp.maximum(total - 1, 1))


def _preferred_and_others(statistics: ClassStatistics):
    preferred = preferred_class(statistics)
    is_preferred = jnp.arange(len(statistics.count))[:, None] == preferred
    prefers = preferred >= 0
    return _pool(statistics, is_preferred), _pool(statistics, ~is_preferred), prefers


def _share_of_variance(statistics: ClassStatistics) -> Float[Array, "units"]:
    """1 − (mean r)² / mean r², without the difference of two nearly equal numbers."""
    pool = _pool(statistics, jnp.ones(statistics.mean.shape, bool))
    samples = jnp.sum(statistics.count)
    variance = pool.variance * jnp.maximum(samples - 1, 0) / jnp.maximum(samples, 1)
    energy = variance + jnp.square(pool.mean)
    return jnp.where(energy > 0, variance / jnp.where(energy > 0, energy, 1), 0)
