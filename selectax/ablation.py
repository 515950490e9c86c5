"""Ablation: accuracy of a network while units are switched off.

A unit's rank is its position in the order in which units are switched off, starting at 0. Ranks
have the same structure as the selectivity that they are computed from: an array for one layer, or a
dict for several layers. Masks are True for units that stay on, and False for units that are
switched off (their maps are set to zero).

References:
  Morcos et al., 2018, "On the importance of single directions for generalization" (cumulative
  ablation of random units, ablation of single ones).
  Leavitt & Morcos, 2020, "Selectivity considered harmful", arXiv 2003.01262 (by selectivity).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.arrays import as_array, is_concrete
from selectax.arguments.key import checked_key
from selectax.arguments.labels import check_classes
from selectax.arguments.logits import checked_logits_fn
from selectax.arguments.numbers import checked_count
from selectax.arguments.samples import checked_where
from selectax.arguments.states import check_alike, check_state
from selectax.numerics.compiled import run_compiled
from selectax.renamed import old_names

__all__ = [
    "CorrectCounts",
    "ablated_accuracy",
    "accuracy_of_counts",
    "cumulative_masks",
    "init_correct_counts",
    "least_selective_first",
    "merge_correct_counts",
    "merge_correct_counts_over_devices",
    "most_selective_first",
    "random_ranks",
    "single_unit_masks",
    "update_correct_counts",
]

if not TYPE_CHECKING:  # type checkers are told the new names only
    __getattr__ = old_names(__name__)

Masks = Mapping[str, Bool[Array, "masks units"]]
Units = TypeVar("Units", Mapping[str, Array], Array)  # several layers by name, or one


def most_selective_first(selectivity: Units) -> Units:
    """Ranks from the most to the least selective unit; ties are broken by position.

    Args:
      selectivity: index of each unit: an array of shape (units,) for one layer, or a dict of such
        arrays for several layers, which are ranked together.

    Returns:
      int32 ranks in the shapes of selectivity; rank 0 is switched off first.

    Raises:
      ValueError: there are no units, or a concrete index is NaN. A traced NaN is ranked last.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.most_selective_first(jnp.array([0.1, 0.9, 0.5])).tolist()
      [2, 0, 1]
    """
    _check_no_nan(selectivity)
    return _ranks("selectivity", selectivity, lambda values: jnp.argsort(-values, stable=True))


def least_selective_first(selectivity: Units) -> Units:
    """Ranks from the least to the most selective unit; ties are broken by position.

    Args:
      selectivity: index of each unit, an array of shape (units,) or a dict of such arrays.

    Returns:
      int32 ranks in the shapes of selectivity; rank 0 is switched off first.

    Raises:
      ValueError: as `most_selective_first`.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.least_selective_first(jnp.array([0.1, 0.9, 0.5])).tolist()
      [0, 2, 1]
    """
    _check_no_nan(selectivity)
    return _ranks("selectivity", selectivity, lambda values: jnp.argsort(values, stable=True))


def random_ranks(key: PRNGKeyArray, units: Units) -> Units:
    """Ranks in random order.

    Args:
      key: PRNG key for the ranks.
      units: any array of shape (units,) or dict of such arrays; only the shapes matter.

    Returns:
      int32 ranks in those shapes.

    Raises:
      ValueError: there are no units.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> units = {"first": jnp.zeros(2), "second": jnp.zeros(3)}
      >>> ranks = selectax.random_ranks(jax.random.key(0), units)
      >>> sorted(ranks["first"].tolist() + ranks["second"].tolist())
      [0, 1, 2, 3, 4]
    """
    key = checked_key(key)
    return _ranks("units", units, lambda values: jax.random.permutation(key, len(values)))


def cumulative_masks(
    ranks: Units, numbers_off: Sequence[int] | Int[Array, "masks"] | None = None
) -> Units:
    """Masks that switch off an increasing number of units, in the order of the ranks.

    Args:
      ranks: rank of each unit: an array for one layer, or a dict for several layers.
      numbers_off: number of units that each mask switches off; by default 0, 1, …, all.

    Returns:
      Booleans of shape (masks, units) for each layer.

    Raises:
      TypeError: ranks or numbers_off are not integers.
      ValueError: numbers_off is not a vector, or a concrete number is negative or exceeds the
        number of units.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.cumulative_masks(jnp.array([2, 0, 1]), numbers_off=[0, 1, 3]).tolist()
      [[True, True, True], [True, False, True], [False, False, False]]
    """
    ranks = _as_arrays(ranks, "ranks")
    for leaf in jax.tree.leaves(ranks):
        if not jnp.issubdtype(leaf.dtype, jnp.integer):
            raise TypeError(
                f"ranks must be integers, not {leaf.dtype}; rank units by most_selective_first."
            )
    units = sum(leaf.size for leaf in jax.tree.leaves(ranks))
    if numbers_off is None:
        numbers_off = range(units + 1)
    if not isinstance(numbers_off, jax.core.Tracer):
        known = np.asarray(numbers_off)
        if known.size and not 0 <= known.min() <= known.max() <= units:
            raise ValueError(f"numbers_off must lie between 0 and {units}, not {known}.")
    numbers = jnp.asarray(numbers_off)
    if numbers.ndim != 1:
        raise ValueError(f"numbers_off must be a vector, not of shape {numbers.shape}.")
    if numbers.size and not jnp.issubdtype(numbers.dtype, jnp.integer):
        raise TypeError(
            f"numbers_off must be integers, not {numbers.dtype}; multiply fractions by the {units} "
            "units and round them."
        )
    return jax.tree.map(lambda leaf: leaf >= numbers[:, None], ranks)


def single_unit_masks(units: int) -> Bool[Array, "units units"]:
    """Masks that each switch off one unit of a layer.

    Args:
      units: number of units of the layer.

    Returns:
      Booleans of shape (units, units); row i switches off unit i.

    Raises:
      TypeError: units is not an integer.
      ValueError: units is below 1.

    Example:
      >>> import selectax
      >>> selectax.single_unit_masks(2).tolist()
      [[False, True], [True, False]]
    """
    return ~jnp.eye(checked_count("units", units), dtype=bool)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CorrectCounts:
    """Counts accumulated in one pass over labelled images.

    `counts + others` is the same as `merge_correct_counts(counts, others)`.

    Attributes:
      count: number of samples seen.
      correct: number of samples classified correctly under each mask.
      undefined: number of samples with logits or images that are not finite, under each mask.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> counts = selectax.CorrectCounts(jnp.array(4), jnp.array([4, 2]))
      >>> (counts + counts).correct.tolist()
      [8, 4]
    """

    count: Int[Array, ""]
    correct: Int[Array, "masks"]
    undefined: Int[Array, "masks"] | int = 0

    def __add__(self, other: "CorrectCounts") -> "CorrectCounts":
        return merge_correct_counts(self, other)


def init_correct_counts(masks: int) -> CorrectCounts:
    """Initial counts, of no samples.

    Args:
      masks: number of masks.

    Returns:
      int32 counts, all 0.

    Raises:
      TypeError: masks is not an integer.
      ValueError: masks is negative.

    Example:
      >>> import selectax
      >>> selectax.init_correct_counts(masks=3).correct.tolist()
      [0, 0, 0]
    """
    nothing = jnp.zeros(checked_count("masks", masks, least=0), jnp.int32)
    return CorrectCounts(jnp.zeros((), jnp.int32), nothing, nothing)


def update_correct_counts(
    counts: CorrectCounts,
    logits_fn: Callable[[Array, dict[str, Array]], Float[Array, "samples classes"]],
    masks: Masks,
    images: Float[Array, "samples ..."],
    labels: Int[Array, "samples"],
    *,
    where: Bool[Array, "samples"] | None = None,
    masks_at_a_time: int = 8,
) -> CorrectCounts:
    """Classifies a batch of images under every mask, and adds to the counts.

    Args:
      counts: the state so far.
      logits_fn: function of images and a dict from layer name to a mask of shape (units,). It
        multiplies the units of these layers by their masks, and returns logits or
        `(logits, activations)`.
      masks: a dict from layer name to masks of shape (masks, units), with the same number of masks
        for each layer.
      images: images of any shape that logits_fn accepts.
      labels: class of each image, or −1 to ignore the image.
      where: the images that count.
      masks_at_a_time: number of masks that are evaluated together. More masks use more memory and
        utilize an accelerator better. Under jit, layers before the first masked layer are computed
        only once.

    Returns:
      Counts of all images so far.

    Raises:
      TypeError: counts is not CorrectCounts, labels are not integers, or logits_fn is not a
        function.
      ValueError: shapes do not match, there is only one class, a concrete label is not a class, or
        where holds other numbers than 0 and 1.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.eye(2), jnp.array([0, 1])
      >>> def logits_fn(images, masks):
      ...     return images * masks["units"] - jnp.array([0.0, 0.5])
      ...
      >>> masks = {"units": selectax.single_unit_masks(2)}
      >>> counts = selectax.init_correct_counts(masks=2)
      >>> counts = selectax.update_correct_counts(counts, logits_fn, masks, images, labels)
      >>> int(counts.count), counts.correct.tolist()
      (2, [2, 1])
    """
    check_state("counts", CorrectCounts, counts)
    masks = _checked_masks(masks)
    images = jnp.asarray(as_array("images", images))
    labels = jnp.asarray(as_array("labels", labels))
    _check(counts, masks, images, labels, masks_at_a_time)
    where = checked_where(where, len(images))
    logits_fn = checked_logits_fn(logits_fn)
    counted = labels >= 0 if where is None else (labels >= 0) & where
    finite = jnp.all(jnp.isfinite(images), axis=tuple(range(1, images.ndim)))

    def judge(mask):
        logits = logits_fn(images, mask)
        _check_classes(labels, where, logits.shape[-1])
        # argmax returns the position of a NaN, which must not count as a correct answer.
        known = finite & jnp.all(jnp.isfinite(logits), axis=-1)
        right = (jnp.argmax(logits, axis=-1) == labels) & known
        return (
            jnp.sum(right & counted, dtype=jnp.int32),
            jnp.sum(~known & counted, dtype=jnp.int32),
        )

    number = len(counts.correct)
    correct = undefined = jnp.zeros(0, jnp.int32)
    if number:
        group = min(masks_at_a_time, number)
        correct, undefined = run_compiled(
            lambda masks: jax.lax.map(judge, masks, batch_size=group), masks
        )
    return counts + CorrectCounts(jnp.sum(counted, dtype=jnp.int32), correct, undefined)


def merge_correct_counts(a: CorrectCounts, b: CorrectCounts) -> CorrectCounts:
    """Counts of the samples of both; associative and commutative.

    Args:
      a: counts of some samples.
      b: counts of other samples, under the same masks.

    Returns:
      The sum of both.

    Raises:
      TypeError: a or b is no such state.
      ValueError: the numbers of masks differ.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> counts = selectax.CorrectCounts(jnp.array(4), jnp.array([4, 2]))
      >>> selectax.merge_correct_counts(counts, counts).correct.tolist()
      [8, 4]
    """
    check_alike(CorrectCounts, a, b, "(masks,)", lambda state: state.correct.shape)
    return CorrectCounts(a.count + b.count, a.correct + b.correct, a.undefined + b.undefined)


def merge_correct_counts_over_devices(counts: CorrectCounts, axis_name: str) -> CorrectCounts:
    """Counts of the samples of all devices along a mapped axis.

    Args:
      counts: counts of the samples on each device, under the same masks.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      Counts of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> correct = jnp.array([[4, 2], [3, 0]])  # on two devices, under two masks
      >>> two = selectax.CorrectCounts(jnp.array([4, 4]), correct, jnp.zeros_like(correct))
      >>> def merge(counts):
      ...     return selectax.merge_correct_counts_over_devices(counts, "devices")
      ...
      >>> jax.vmap(merge, axis_name="devices")(two).correct.tolist()
      [[7, 2], [7, 2]]
    """
    return jax.lax.psum(counts, axis_name)


def accuracy_of_counts(counts: CorrectCounts) -> Float[Array, "masks"]:
    """Accuracy under each mask: the fraction of samples that were classified correctly.

    Args:
      counts: counts of the images seen.

    Returns:
      float32 fractions between 0 and 1; 0 if there were no samples, and NaN for a mask under which
      a logit is NaN or infinite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> counts = selectax.CorrectCounts(jnp.array(4), jnp.array([4, 1]))
      >>> selectax.accuracy_of_counts(counts).tolist()
      [1.0, 0.25]
    """
    number = jnp.maximum(counts.count, 1).astype(jnp.float32)
    share = counts.correct.astype(jnp.float32) / number
    return jnp.where(jnp.asarray(counts.undefined) > 0, jnp.nan, share)


def ablated_accuracy(
    logits_fn: Callable[[Array, dict[str, Array]], Float[Array, "samples classes"]],
    masks: Masks,
    images: Float[Array, "samples ..."],
    labels: Int[Array, "samples"],
    *,
    where: Bool[Array, "samples"] | None = None,
    masks_at_a_time: int = 8,
) -> Float[Array, "masks"]:
    """Accuracy on one batch under each mask; arguments and errors as in `update_correct_counts`.

    Args:
      logits_fn: function of images and a dict from layer name to a mask of shape (units,).
      masks: a dict from layer name to masks of shape (masks, units).
      images: images of any shape that logits_fn accepts.
      labels: class of each image.
      where: the images that count.
      masks_at_a_time: number of masks that are evaluated together.

    Returns:
      float32 fractions between 0 and 1.

    Raises:
      TypeError: labels are not integers.
      ValueError: shapes do not match.

    References:
      Morcos et al., 2018, "On the importance of single directions for generalization".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.eye(2), jnp.array([0, 1])
      >>> def logits_fn(images, masks):
      ...     return images * masks["units"] - jnp.array([0.0, 0.5])
      ...
      >>> masks = {"units": selectax.cumulative_masks(jnp.array([0, 1]))}
      >>> selectax.ablated_accuracy(logits_fn, masks, images, labels).tolist()
      [1.0, 1.0, 0.5]
    """
    masks = _checked_masks(masks)
    counts = init_correct_counts(len(next(iter(masks.values()))))
    return accuracy_of_counts(
        update_correct_counts(
            counts, logits_fn, masks, images, labels, where=where, masks_at_a_time=masks_at_a_time
        )
    )


def _ranks(name, units, order_of):
    """Ranks over the units of all layers together, split into layers."""
    leaves, structure = jax.tree.flatten(_as_arrays(units, name))
    if not sum(leaf.size for leaf in leaves):
        raise ValueError(f"{name} must hold at least one unit.")
    if any(leaf.ndim != 1 for leaf in leaves):
        shapes = [leaf.shape for leaf in leaves]
        raise ValueError(f"{name} must hold arrays of shape (units,), not {shapes}.")
    order = order_of(jnp.concatenate(leaves))
    ranks = jnp.zeros(len(order), jnp.int32).at[order].set(jnp.arange(len(order), dtype=jnp.int32))
    ends = np.cumsum([leaf.size for leaf in leaves])
    return jax.tree.unflatten(structure, jnp.split(ranks, ends[:-1]))


def _as_arrays(units, name):
    """Converts lists of numbers to arrays, also those in a dict."""
    if isinstance(units, list | tuple):
        return jnp.asarray(as_array(name, units))
    if isinstance(units, Mapping):
        return {
            layer: jnp.asarray(as_array(f"{name}[{layer!r}]", values))
            for layer, values in units.items()
        }
    if not hasattr(units, "shape"):
        raise TypeError(
            f"{name} must be an array of shape (units,) or a dict of such arrays, not "
            f"{type(units).__name__}."
        )
    return units


def _check_no_nan(selectivity) -> None:
    named = selectivity if isinstance(selectivity, Mapping) else {"": selectivity}
    for layer, values in named.items():
        if not is_concrete(values):
            continue
        nan = np.isnan(np.asarray(values, np.float64))
        if np.any(nan):
            where = f"of layer {layer!r} " if layer else ""
            raise ValueError(
                f"selectivity {where}is NaN for unit {np.flatnonzero(nan)[0]}, which cannot be "
                "ranked; look for NaN in the network's activations."
            )


def _check_classes(labels, where, classes) -> None:
    """Checks the labels of the images that count."""
    if is_concrete(labels, where):
        known = np.asarray(labels)[... if where is None else np.asarray(where)]
        check_classes("labels", known, classes)


def _checked_masks(masks) -> dict[str, Bool[Array, "masks units"]]:
    if not isinstance(masks, Mapping) or not masks:
        raise ValueError("masks must be a dict with the masks of at least one layer.")
    masks = {name: jnp.asarray(as_array(f"masks[{name!r}]", mask)) for name, mask in masks.items()}
    shapes = {name: mask.shape for name, mask in masks.items()}
    if any(len(shape) != 2 for shape in shapes.values()) or (
        len({shape[0] for shape in shapes.values()}) > 1
    ):
        raise ValueError(
            f"masks must have shapes (masks, units) with the same number of masks, not {shapes}."
        )
    return masks


def _check(counts, masks, images, labels, masks_at_a_time) -> None:
    number = len(next(iter(masks.values())))
    if counts.correct.shape != (number,):
        raise ValueError(f"counts are of {len(counts.correct)} masks, but masks holds {number}.")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {labels.dtype}; cast class indices to int.")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"labels must have shape {images.shape[:1]}, not {labels.shape}.")
    checked_count("masks_at_a_time", masks_at_a_time)
