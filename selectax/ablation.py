"""Ablation: a network's accuracy as units are switched off.

A unit's rank is its place in the order in which units are switched off, from 0 for the first; ranks
have the shapes of the selectivity they come from, so one layer's array and a dict of all layers
work alike. Masks hold True for a unit left on, False for one switched off (its map set to zero).

References:
  Morcos et al., 2018, "On the importance of single directions for generalization" (cumulative
  ablation of random units, ablation of single ones).
  Leavitt & Morcos, 2020, "Selectivity considered harmful", arXiv 2003.01262 (by selectivity).
"""

import dataclasses
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

__all__ = [
    "CorrectCounts",
    "ablated_accuracy",
    "accuracy",
    "cumulative_masks",
    "init_correct_counts",
    "least_selective_first",
    "most_selective_first",
    "random_ranks",
    "single_unit_masks",
    "update_correct_counts",
]

Masks = Mapping[str, Bool[Array, "masks units"]]
Units = TypeVar("Units", Mapping[str, Array], Array)  # of one layer, or of several by name


def most_selective_first(selectivity: Units) -> Units:
    """Ranks from the most to the least selective unit; among equals the earlier unit goes first.

    Args:
      selectivity: index of each unit, of one layer as an array of shape (units,), or of several
        layers as a dict of such arrays, which are then ranked together.

    Returns:
      int32 ranks in the shapes of selectivity, 0 for the unit to be switched off first.

    Raises:
      ValueError: there are no units.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.most_selective_first(jnp.array([0.1, 0.9, 0.5])).tolist()
      [2, 0, 1]
    """
    return _ranks(selectivity, lambda values: jnp.argsort(-values, stable=True))


def least_selective_first(selectivity: Units) -> Units:
    """Ranks from the least to the most selective unit, as `most_selective_first` gives them.

    Args:
      selectivity: index of each unit, an array of shape (units,) or a dict of such arrays.

    Returns:
      int32 ranks in the shapes of selectivity, 0 for the unit to be switched off first.

    Raises:
      ValueError: there are no units.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.least_selective_first(jnp.array([0.1, 0.9, 0.5])).tolist()
      [0, 2, 1]
    """
    return _ranks(selectivity, lambda values: jnp.argsort(values, stable=True))


def random_ranks(key: PRNGKeyArray, units: Units) -> Units:
    """Ranks in random order.

    Args:
      key: of which all ranks are drawn.
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
    return _ranks(units, lambda values: jax.random.permutation(key, len(values)))


def cumulative_masks(
    ranks: Units, numbers_off: Sequence[int] | Int[Array, "masks"] | None = None
) -> Units:
    """Masks under which the first units of an order are off, ever more of them.

    Args:
      ranks: place of each unit in the order, of one layer or as a dict.
      numbers_off: how many units are off under each mask; by default 0, 1, … all.

    Returns:
      Booleans with a first dimension of masks before the dimension of units.

    Raises:
      ValueError: numbers_off is no vector, or, where it is concrete, below 0 or above the units.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.cumulative_masks(jnp.array([2, 0, 1]), numbers_off=[0, 1, 3]).tolist()
      [[True, True, True], [True, False, True], [False, False, False]]
    """
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
    return jax.tree.map(lambda leaf: leaf >= numbers[:, None], ranks)


def single_unit_masks(units: int) -> Bool[Array, "units units"]:
    """Masks under each of which one unit of a layer is off.

    Args:
      units: of the layer.

    Returns:
      Booleans, of which row i switches unit i off.

    Example:
      >>> import selectax
      >>> selectax.single_unit_masks(2).tolist()
      [[False, True], [True, False]]
    """
    return ~jnp.eye(units, dtype=bool)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CorrectCounts:
    """What a pass over labelled images accumulates; adding two merges them, and so does psum.

    Attributes:
      count: samples seen.
      correct: samples classified correctly under each mask.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> counts = selectax.CorrectCounts(jnp.array(4), jnp.array([4, 2]))
      >>> (counts + counts).correct.tolist()
      [8, 4]
    """

    count: Int[Array, ""]
    correct: Int[Array, "masks"]

    def __add__(self, other: "CorrectCounts") -> "CorrectCounts":
        return CorrectCounts(self.count + other.count, self.correct + other.correct)


def init_correct_counts(masks: int) -> CorrectCounts:
    """The counts of no samples at all, for a number of masks.

    Args:
      masks: under how many masks each image will be classified.

    Returns:
      int32 counts, all 0.

    Example:
      >>> import selectax
      >>> selectax.init_correct_counts(masks=3).correct.tolist()
      [0, 0, 0]
    """
    return CorrectCounts(jnp.zeros((), jnp.int32), jnp.zeros(masks, jnp.int32))


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
    """Adds a batch of images, classified under every mask, to the counts.

    Args:
      counts: what was accumulated before.
      logits_fn: of images and a dict of masks of shape (units,), which multiplies the units of each
        layer named there; layers left out stay as they are.
      masks: of each layer concerned, shape (masks, units), with an equal number of masks.
      images: of any shape that logits_fn takes.
      labels: class of each image.
      where: images that count.
      masks_at_a_time: masks that are evaluated side by side; more take more memory and keep an
        accelerator busier. What lies before the first masked layer is shared in any case under jit.

    Returns:
      Counts of the images seen so far.

    Raises:
      TypeError: labels are no integers.
      ValueError: shapes do not fit one another.

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
    _check(counts, masks, images, labels, where, masks_at_a_time)

    def correct(mask):
        logits = logits_fn(images, mask)
        # argmax takes the first NaN for the largest, which must not pass for a right answer.
        right = (jnp.argmax(logits, axis=-1) == labels) & ~jnp.any(jnp.isnan(logits), axis=-1)
        return jnp.sum(right if where is None else right & where.astype(bool), dtype=jnp.int32)

    number = len(counts.correct)
    group = min(masks_at_a_time, number)
    of_all = jax.lax.map(correct, dict(masks), batch_size=group) if number else counts.correct
    seen = labels.shape[0] if where is None else jnp.sum(where.astype(bool), dtype=jnp.int32)
    return counts + CorrectCounts(jnp.asarray(seen, jnp.int32), of_all)


def accuracy(counts: CorrectCounts) -> Float[Array, "masks"]:
    """Share of samples classified correctly under each mask; 0 if there were no samples.

    Args:
      counts: of the images seen.

    Returns:
      Fractions, 0 to 1.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> counts = selectax.CorrectCounts(jnp.array(4), jnp.array([4, 1]))
      >>> selectax.accuracy(counts).tolist()
      [1.0, 0.25]
    """
    return counts.correct / jnp.maximum(counts.count, 1)


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
      logits_fn: of images and a dict of masks of shape (units,).
      masks: of each layer concerned, shape (masks, units).
      images: of any shape that logits_fn takes.
      labels: class of each image.
      where: images that count.
      masks_at_a_time: masks that are evaluated side by side.

    Returns:
      Fractions, 0 to 1.

    Raises:
      TypeError: labels are no integers.
      ValueError: shapes do not fit one another.

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
    _check_masks(masks)
    counts = init_correct_counts(len(next(iter(masks.values()))))
    return accuracy(
        update_correct_counts(
            counts, logits_fn, masks, images, labels, where=where, masks_at_a_time=masks_at_a_time
        )
    )


def _ranks(units, order_of):
    """Ranks over all units side by side, cut to the shapes of the layers."""
    leaves, structure = jax.tree.flatten(units)
    if not sum(leaf.size for leaf in leaves):
        raise ValueError("selectivity must hold at least one unit.")
    if any(leaf.ndim != 1 for leaf in leaves):
        shapes = [leaf.shape for leaf in leaves]
        raise ValueError(f"selectivity must hold arrays of shape (units,), not {shapes}.")
    order = order_of(jnp.concatenate(leaves))
    ranks = jnp.zeros(len(order), jnp.int32).at[order].set(jnp.arange(len(order)))
    ends = np.cumsum([leaf.size for leaf in leaves])
    return jax.tree.unflatten(structure, jnp.split(ranks, ends[:-1]))


def _check_masks(masks) -> None:
    if not isinstance(masks, Mapping) or not masks:
        raise ValueError("masks must be a dict of at least one layer's masks.")
    shapes = {name: mask.shape for name, mask in masks.items()}
    if any(len(shape) != 2 for shape in shapes.values()) or (
        len({shape[0] for shape in shapes.values()}) > 1
    ):
        raise ValueError(f"masks must have shapes (masks, units) of equal masks, not {shapes}.")


def _check(counts, masks, images, labels, where, masks_at_a_time) -> None:
    _check_masks(masks)
    number = len(next(iter(masks.values())))
    if counts.correct.shape != (number,):
        raise ValueError(f"counts are of {len(counts.correct)} masks, but masks holds {number}.")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {labels.dtype}; cast class indices to int.")
    for name, values in (("labels", labels), ("where", where)):
        if values is not None and values.shape != images.shape[:1]:
            raise ValueError(f"{name} must have shape {images.shape[:1]}, not {values.shape}.")
    if operator.index(masks_at_a_time) < 1:
        raise ValueError(f"masks_at_a_time must be at least 1, not {masks_at_a_time}.")
