"""Class selectivity: streamed class moments, the class selectivity index, layer and network means.

References:
  Morcos et al., 2018, "On the importance of single directions for generalization" (the index).
  Leavitt & Morcos, 2020, "Selectivity considered harmful", arXiv 2003.01262 (its mean over layers).
"""

import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, overload

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.activations import (
    Layers,
    Signed,
    check_not_negative,
    checked_layer,
    checked_responses,
    chosen_layers,
    group_widths,
    is_several,
    with_sign,
)
from selectax.arguments.arrays import is_concrete
from selectax.arguments.indices import check_eps, checked_index, checked_means
from selectax.arguments.numbers import check_fraction, checked_count
from selectax.arguments.samples import checked_samples, counted_samples, labels_of_layers
from selectax.arguments.states import check_alike, check_state, checked_sum_dtype
from selectax.numerics import by_class
from selectax.numerics.compiled import one_program
from selectax.renamed import old_names

__all__ = [
    "Activations",
    "ClassMoments",
    "class_means",
    "class_selectivity_index",
    "dead_units",
    "init_class_moments",
    "layer_selectivity",
    "mean_selectivity",
    "mean_selectivity_and_grad",
    "merge_class_moments",
    "merge_class_moments_over_devices",
    "share_selective",
    "unit_responses",
    "update_class_moments",
]

if not TYPE_CHECKING:  # type checkers are told the new names only
    __getattr__ = old_names(__name__)

Activations = (
    Mapping[str, Float[Array, "samples *space units"]]
    | Sequence[Float[Array, "samples *space units"]]
    | Float[Array, "..."]
)
"""One layer as an array, or several layers in order of depth as a mapping or a sequence."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ClassMoments:
    """Sums and counts by class, accumulated in one pass over labelled responses.

    `moments + others` is the same as `merge_class_moments(moments, others)`.

    Attributes:
      count: number of samples seen of each class.
      total: sum of each unit's responses over those samples.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> moments = selectax.ClassMoments(jnp.array([2.0, 1.0]), jnp.array([[4.0], [1.0]]))
      >>> (moments + moments).count.tolist()
      [4.0, 2.0]
    """

    count: Float[Array, "classes"]
    total: Float[Array, "classes units"]

    def __add__(self, other: "ClassMoments") -> "ClassMoments":
        return merge_class_moments(self, other)


def init_class_moments(
    num_classes: int, units: int, *, dtype: DTypeLike = jnp.float32
) -> ClassMoments:
    """Initial moments, of no samples.

    Args:
      num_classes: number of classes, at least 1.
      units: number of units of the responses; twice that number for updates with signed="split".
      dtype: dtype of the sums, independent of the responses' dtype; float64 needs
        `jax_enable_x64`.

    Returns:
      Counts of shape (classes,) and totals of shape (classes, units), all 0.

    Raises:
      TypeError: num_classes or units is not an integer, or dtype is neither float32 nor float64.
      ValueError: num_classes or units is below 1.

    Example:
      >>> import selectax
      >>> selectax.init_class_moments(num_classes=10, units=16).total.shape
      (10, 16)
    """
    num_classes = checked_count("num_classes", num_classes)
    units = checked_count("units", units)
    dtype = checked_sum_dtype(dtype)
    return ClassMoments(jnp.zeros(num_classes, dtype), jnp.zeros((num_classes, units), dtype))


def update_class_moments(
    moments: ClassMoments,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    *,
    where: Bool[Array, "samples"] | None = None,
    signed: Signed | Literal["keep"] = "error",
) -> ClassMoments:
    """Adds a batch of responses to the moments.

    Args:
      moments: the state so far.
      responses: one number per sample and unit; bfloat16 and float16 are summed in float32.
      labels: class of each sample, from 0 to classes − 1, or −1 to ignore the sample. Traced
        labels cannot be checked; those that are not a class are ignored.
      where: the samples that count; the others (padding) may hold any values, even NaN.
      signed: what to do with negative responses, for which the index is not defined: "error"
        raises an error if their values are concrete, "absolute" uses their magnitudes, "split"
        makes positive and negative parts separate units, and "keep" sums them unchanged, for class
        means without an index.

    Returns:
      Moments of all samples so far, in the dtype of the given moments. If a response is NaN or
      infinite, so are its unit's totals.

    Raises:
      TypeError: moments is not ClassMoments, labels are not integers, or responses are not
        floating-point numbers.
      ValueError: shapes do not match, or, if values are concrete, a label is not a class or a
        response is negative.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [5.0]]), jnp.array([0, 0, 1])
      >>> moments = selectax.init_class_moments(num_classes=2, units=1)
      >>> moments = selectax.update_class_moments(moments, responses, labels)
      >>> moments.count.tolist(), moments.total.tolist()
      ([2.0, 1.0], [[4.0], [5.0]])
    """
    check_state("moments", ClassMoments, moments)
    num_classes, units = moments.total.shape
    if signed == "split" and units % 2:
        raise ValueError(
            f"moments have {units} units, but signed='split' needs two for each unit of responses."
        )
    responses = checked_responses(responses, units // 2 if signed == "split" else units)
    labels, where = checked_samples(labels, where, len(responses), num_classes)
    counts = counted_samples(labels, where, num_classes)
    wide = jnp.promote_types(_wide_dtype(responses), moments.total.dtype)
    responses = responses.astype(wide)
    if signed != "keep":
        responses = with_sign(responses, signed, counts)
    batch = ClassMoments(*by_class.sums(responses, labels, num_classes, counts))
    return moments + jax.tree.map(lambda new, old: new.astype(old.dtype), batch, moments)


def merge_class_moments(a: ClassMoments, b: ClassMoments) -> ClassMoments:
    """Moments of the samples of both; associative and commutative up to rounding.

    Args:
      a: moments of some samples.
      b: moments of other samples, with the same numbers of classes and units.

    Returns:
      The sum of both.

    Raises:
      TypeError: a or b is no such state.
      ValueError: the numbers of classes or units differ.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> moments = selectax.ClassMoments(jnp.array([2.0, 1.0]), jnp.array([[4.0], [1.0]]))
      >>> selectax.merge_class_moments(moments, moments).total.tolist()
      [[8.0], [2.0]]
    """
    check_alike(ClassMoments, a, b, "(classes, units)", lambda state: state.total.shape)
    return ClassMoments(a.count + b.count, a.total + b.total)


def merge_class_moments_over_devices(moments: ClassMoments, axis_name: str) -> ClassMoments:
    """Moments of the samples of all devices along a mapped axis.

    Args:
      moments: moments of the samples on each device.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      Moments of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> two = selectax.ClassMoments(jnp.array([[2.0], [3.0]]), jnp.array([[[4.0]], [[1.0]]]))
      >>> def merge(moments):
      ...     return selectax.merge_class_moments_over_devices(moments, "devices")
      ...
      >>> jax.vmap(merge, axis_name="devices")(two).count.tolist()
      [[5.0], [5.0]]
    """
    return jax.lax.psum(moments, axis_name)


def class_means(
    moments: ClassMoments,
) -> tuple[Float[Array, "classes units"], Bool[Array, "classes"]]:
    """Mean response to each class (0 for absent classes), and which classes are present.

    Args:
      moments: moments of the samples seen.

    Returns:
      Means of shape (classes, units), in the responses' units, and booleans of shape (classes,).
      Where a total or a count is NaN or infinite, so is the mean.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> moments = selectax.ClassMoments(jnp.array([2.0, 0.0]), jnp.array([[4.0], [0.0]]))
      >>> means, present = selectax.class_means(moments)
      >>> means.tolist(), present.tolist()
      ([[2.0], [0.0]], [True, False])
    """
    return by_class.means(moments.count, moments.total)


def class_selectivity_index(
    means: Float[Array, "classes units"],
    present: Bool[Array, "classes"] | None = None,
    *,
    eps: float = 1e-6,
) -> Float[Array, "units"]:
    """Class selectivity index, (μ_max − μ_rest) / (μ_max + μ_rest + eps).

    μ_max is a unit's largest class mean, and μ_rest is the mean of the other class means, so each
    class has the same weight whatever its number of samples.

    Args:
      means: mean response to each class, not negative (the index is computed after the ReLU). For
        responses that can be negative, see `signed` of `layer_selectivity`.
      present: the classes to use; all by default. The means of other classes may hold any values.
      eps: keeps the index of a nearly dead unit finite.

    Returns:
      Between 0 for equal means and 1 for a unit that responds to one class only. A unit whose μ_max
      does not exceed μ_rest (a dead unit, or only one class is present) has index 0 and gradient 0.
      A unit with a mean that is NaN or infinite has index NaN and gradient NaN.

    Raises:
      TypeError: means are not floating-point numbers, or eps is not a single number.
      ValueError: means or present have the wrong shape, or, if values are concrete, a mean of a
        present class is negative, or eps is negative or not finite.

    References:
      Morcos et al., 2018; Leavitt & Morcos, 2020, arXiv 2003.01262 (class selectivity index).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> means = jnp.array([[4.0, 1.0, 3.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
      >>> selectax.class_selectivity_index(means).round(3)
      Array([1. , 0. , 0.5], dtype=float32)
    """
    means, given = checked_means(means, present)
    check_eps(eps)
    check_not_negative("means", means, given.astype(bool))
    floor = eps if is_concrete(eps) else jnp.where(eps < jnp.inf, eps, jnp.nan)
    return by_class.selectivity_index(
        jnp.asarray(means).astype(_wide_dtype(means)), jnp.asarray(given), floor
    )


def share_selective(index: Float[Array, "units"], *, threshold: float = 0.75) -> Float[Array, ""]:
    """Share of units whose class selectivity index exceeds a threshold.

    Args:
      index: class selectivity index of each unit.
      threshold: between 0 and 1. 0.75 is our choice: such a unit responds to its preferred class
        seven times as strongly as to the others.

    Returns:
      Between 0 and 1, in float32 or wider; NaN if an index is NaN or infinite.

    Raises:
      TypeError: the index is not of floating-point numbers, or threshold is not a single number.
      ValueError: the index is not a vector or is empty, or a concrete threshold is not between 0
        and 1.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> float(selectax.share_selective(jnp.array([0.1, 0.8, 0.9, 0.75])))
      0.5
    """
    index = checked_index(index)
    check_fraction("threshold", threshold)
    known = jnp.all(jnp.isfinite(index)) & jnp.isfinite(threshold)
    return jnp.where(known, jnp.mean(index > threshold, dtype=index.dtype), jnp.nan)


def dead_units(moments: ClassMoments) -> Float[Array, "units"]:
    """Which units are dead: their response is 0 for every sample.

    A dead unit has index 0 and no gradient, so training cannot revive it. The mean of the result is
    the fraction of dead units.

    Args:
      moments: moments of responses that are not negative. Responses that are summed with
        signed="keep" could cancel.

    Returns:
      For each unit 1 if it is dead, and 0 otherwise. NaN if one of its totals is NaN or infinite,
      or if there are no samples.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> totals = jnp.array([[0.0, 1.0], [0.0, 0.0]])
      >>> moments = selectax.ClassMoments(jnp.array([2.0, 1.0]), totals)
      >>> selectax.dead_units(moments).tolist()
      [1.0, 0.0]
    """
    dead = jnp.all(moments.total == 0, axis=0)
    known = jnp.all(jnp.isfinite(moments.total), axis=0) & (jnp.sum(moments.count) > 0)
    return jnp.where(known, dead.astype(moments.total.dtype), jnp.nan)


def unit_responses(
    activations: Float[Array, "samples *space units"],
    *,
    signed: Signed | Literal["keep"] = "keep",
) -> Float[Array, "samples units"]:
    """Response of each unit to each sample: the mean of its map over space, in float32 or wider.

    Args:
      activations: activations of one layer, with any number of spatial dimensions, or none.
      signed: what to do with negative responses. "keep" returns them; "error" raises an error if
        their values are concrete; "absolute" returns their magnitudes; "split" returns positive
        parts and magnitudes of negative parts as separate units, all positive parts first.

    Returns:
      Shape (samples, units), or (samples, 2 · units) for "split".

    Raises:
      TypeError: activations are not floating-point numbers.
      ValueError: activations have fewer than two dimensions or no units, or signed is "error" and a
        concrete response is negative.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.unit_responses(jnp.ones((2, 8, 8, 16))).shape
      (2, 16)
    """
    responses = _spatial_mean(checked_layer("activations", activations))
    return responses if signed == "keep" else with_sign(responses, signed)


@overload
def layer_selectivity(
    activations: Mapping[str, Float[Array, "samples *space units"]]
    | Sequence[Float[Array, "samples *space units"]],
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
    signed: Signed = "error",
) -> dict[str, Float[Array, "units"]]: ...


@overload
def layer_selectivity(
    activations: Float[Array, "..."],
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
    signed: Signed = "error",
) -> Float[Array, "units"]: ...


def layer_selectivity(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
    signed: Signed = "error",
) -> dict[str, Float[Array, "units"]] | Float[Array, "units"]:
    """Class selectivity index of each unit of each layer, on one batch.

    Args:
      activations: a dict from layer name to array of shape (samples, …, units), a list of such
        arrays, which are named "layer_0" and so on, or a single array.
      labels: class of each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      num_classes: number of classes; classes absent from the batch are left out.
      where: the samples that count; the others (padding) may hold any values, even NaN.
      axis_name: name of the mapped axis of the devices that share the batch. Class sums and counts
        are summed over devices before the index is computed.
      signed: what to do with negative responses (after tanh or GELU, or before the ReLU), for which
        the index is not defined. "error" raises an error if values are concrete (under `jax.jit`
        they are not, and nothing is checked); "absolute" uses magnitudes; "split" makes positive
        and negative parts separate units, all positive parts first, so that there are twice as
        many units.

    Returns:
      The indices of a layer's units, of shape (units,): an array if activations are a single array,
      otherwise a dict from layer name to array. NaN for a unit with a response that is NaN or
      infinite.

    Raises:
      TypeError: labels are not integers, or activations are not floating-point numbers.
      ValueError: shapes do not match, there are no layers, or, if values are concrete, a label is
        not a class or a response is negative.

    References:
      Morcos et al., 2018, "On the importance of single directions for generalization".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> activations = {"first": jnp.array([[1.0, 2.0], [0.0, 2.0]])}
      >>> index = selectax.layer_selectivity(activations, jnp.array([0, 1]), num_classes=2)
      >>> index["first"].round(3)
      Array([1., 0.], dtype=float32)
    """
    moments, widths = _layer_moments(activations, labels, num_classes, None, where, signed)
    if axis_name is not None:
        moments = jax.lax.psum(moments, axis_name)
    index = _split_layers(class_selectivity_index(*class_means(moments)), widths)
    return index if is_several(activations) else index["layer"]


def mean_selectivity(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    layers: Layers | None = None,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
    signed: Signed = "error",
) -> Float[Array, ""]:
    """Network-wide class selectivity μ_SI: the mean over layers of each layer's mean index.

    Args:
      activations: a dict from layer name to array of shape (samples, …, units), a list of such
        arrays, or a single array.
      labels: class of each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      num_classes: number of classes; classes absent from the batch are left out.
      layers: names of the layers to average over; all by default. Groups of names, as a sequence
        or as the values of a mapping, pool the units of each group's layers: the result is then the
        mean over groups of the mean over all units of a group.
      where: the samples that count; the result is 0 if there are none.
      axis_name: name of the mapped axis of the devices that share the batch. Class sums and counts
        are summed over devices before the index is computed.
      signed: what to do with negative responses, as in `layer_selectivity`.

    Returns:
      Between 0 and 1; NaN if a response of a sample that counts is NaN or infinite.

    Raises:
      TypeError: labels are not integers, or activations are not floating-point numbers.
      ValueError: shapes do not match, a name in layers is unknown or given twice, a group is empty,
        or, if values are concrete, a label is not a class or a response is negative.

    References:
      Leavitt & Morcos, 2020, arXiv 2003.01262 (μ_SI of the regularizer; which layers count is our
      choice, because we could not read its methods section). Ranadive et al., 2023, "On
      the special role of class-selective neurons in early training" (its code pools units by
      stage).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> activations = {"first": jnp.array([[1.0, 2.0], [0.0, 2.0]])}
      >>> round(float(selectax.mean_selectivity(activations, jnp.array([0, 1]), num_classes=2)), 3)
      0.5
      >>> activations["second"] = jnp.array([[2.0], [0.0]])
      >>> layers = [["first", "second"]]  # pools three units, of which two have index 1
      >>> index = selectax.mean_selectivity(activations, jnp.array([0, 1]), 2, layers=layers)
      >>> round(float(index), 3)
      0.667
    """
    moments, widths = _layer_moments(activations, labels, num_classes, layers, where, signed)
    if axis_name is not None:
        moments = jax.lax.psum(moments, axis_name)
    return _mean_over_groups(moments, group_widths(widths, layers))


def mean_selectivity_and_grad(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    layers: Layers | None = None,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
    signed: Signed = "error",
) -> tuple[Float[Array, ""], Activations]:
    """`mean_selectivity` and its gradient with respect to the activations.

    With `axis_name`, each device gets the gradient for its own samples, equal to what a single
    device holding the whole batch would compute. Do not sum or average it over devices.

    Args:
      activations: as for `mean_selectivity`, like all other arguments.
      labels: class of each sample.
      num_classes: number of classes.
      layers: names of the layers to average over, or groups of names; the gradient of other layers
        is 0.
      where: the samples that count; the gradient of other samples is 0.
      axis_name: name of the mapped axis of the devices that share the batch.
      signed: what to do with negative responses.

    Returns:
      The mean, between 0 and 1, and the gradient, in the shapes and dtypes of the activations. If a
      response is NaN or infinite, the mean and the gradient of its unit are NaN.

    Raises:
      TypeError: as `mean_selectivity`.
      ValueError: as `mean_selectivity`.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> activations = jnp.array([[3.0, 2.0], [1.0, 2.0]])
      >>> mean, gradient = selectax.mean_selectivity_and_grad(activations, jnp.array([0, 1]), 2)
      >>> round(float(mean), 3), gradient.round(3)
      (0.25, Array([[ 0.062,  0.   ],
             [-0.187,  0.   ]], dtype=float32))
    """
    several = is_several(activations)
    named = chosen_layers(activations, layers)
    # Checks here, where values can be concrete; inside jax.vjp they are traced.
    samples = len(next(iter(named.values())))
    num_classes = checked_count("num_classes", num_classes)
    labels, where = checked_samples(labels, where, samples, num_classes)
    _, widths = _layer_moments(named, labels, num_classes, None, where, signed)
    return _mean_and_gradient(
        # Each layer as a whole, because it may be a nested list of numbers.
        jax.tree.map(jnp.asarray, activations, is_leaf=lambda node: node is not activations)
        if several
        else named["layer"],
        labels,
        where,
        num_classes=num_classes,
        names=tuple(named),
        widths=tuple(group_widths(widths, layers).items()),
        axis_name=axis_name,
        signed=signed,
    )


@functools.partial(one_program, static=("num_classes", "names", "widths", "axis_name", "signed"))
def _mean_and_gradient(
    activations, labels, where, *, num_classes, names, widths, axis_name, signed
):
    def local_moments(activations: Activations) -> ClassMoments:
        # Names the layers in their order, because JAX sorts dicts by key.
        return _layer_moments(activations, labels, num_classes, names, where, signed)[0]

    moments, pull_back = jax.vjp(local_moments, activations)
    total = moments if axis_name is None else jax.lax.psum(moments, axis_name)
    # Equals total, but its type says that it varies over devices, which pull_back requires.
    local_total = jax.tree.map(lambda whole, part: jnp.where(True, whole, part), total, moments)
    (gradient,) = pull_back(jax.grad(_mean_over_groups)(local_total, dict(widths)))
    return _mean_over_groups(total, dict(widths)), gradient


def _wide_dtype(values):
    return jnp.promote_types(values.dtype, jnp.float32)


@one_program
def _spatial_mean(layer):
    space = tuple(range(1, layer.ndim - 1))
    return jnp.mean(layer, axis=space, dtype=_wide_dtype(layer))


def _layer_moments(activations, labels, num_classes, layers, where, signed):
    """Moments of the units of all layers, concatenated: one matrix product and one psum for all."""
    named = chosen_layers(activations, layers)
    num_classes = checked_count("num_classes", num_classes)
    labels = labels_of_layers(labels, named)
    labels, where = checked_samples(labels, where, len(labels), num_classes)
    counts = counted_samples(labels, where, num_classes)
    responses = [with_sign(_spatial_mean(layer), signed, counts) for layer in named.values()]
    widths = {name: layer.shape[1] for name, layer in zip(named, responses, strict=True)}
    together = jnp.concatenate(responses, axis=1)
    return ClassMoments(*by_class.sums(together, labels, num_classes, counts)), widths


def _split_layers(units, widths: Mapping[str, int]) -> dict[str, Float[Array, "units"]]:
    ends = list(itertools.accumulate(widths.values()))
    return dict(zip(widths, jnp.split(units, ends[:-1]), strict=True))


def _mean_over_groups(moments: ClassMoments, widths: Mapping[str, int]) -> Float[Array, ""]:
    index = _split_layers(class_selectivity_index(*class_means(moments)), widths)
    return jnp.mean(jnp.stack([jnp.mean(group) for group in index.values()]))
