"""The samples with the strongest responses of each unit, and how many are of one class."""

import dataclasses
import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.activations import checked_responses
from selectax.arguments.arrays import is_concrete
from selectax.arguments.labels import check_classes, checked_labels
from selectax.arguments.numbers import check_real, checked_count
from selectax.arguments.samples import checked_where
from selectax.arguments.states import check_alike, check_state
from selectax.numerics.compiled import one_program
from selectax.renamed import old_names

__all__ = [
    "StrongestResponses",
    "init_strongest_responses",
    "merge_strongest_responses",
    "merge_strongest_responses_over_devices",
    "precision_at_k",
    "update_strongest_responses",
]

if not TYPE_CHECKING:  # type checkers are told the new names only
    __getattr__ = old_names(__name__)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class StrongestResponses:
    """The k strongest responses of each unit, kept in one pass over labelled responses.

    States do not add: `merge_strongest_responses` merges two, and
    `merge_strongest_responses_over_devices` those of all devices.

    Attributes:
      response: responses in descending order, filled up with −inf if fewer than k were kept.
        Responses that were NaN or infinite are NaN and come first.
      label: class of the sample of each response, filled up with −1.

    Example:
      >>> import selectax
      >>> selectax.init_strongest_responses(k=2, units=3).label.shape
      (2, 3)
    """

    response: Float[Array, "k units"]
    label: Int[Array, "k units"]


def init_strongest_responses(
    k: int, units: int, *, dtype: DTypeLike = jnp.float32
) -> StrongestResponses:
    """Initial state, of no samples.

    Args:
      k: number of responses to keep for each unit.
      units: number of units of the responses.
      dtype: dtype of the responses in the state, independent of the dtype of the given responses;
        float64 needs `jax_enable_x64`.

    Returns:
      Responses of −inf and labels of −1, each of shape (k, units).

    Raises:
      TypeError: k or units is not an integer.
      ValueError: k or units is below 1.

    Example:
      >>> import selectax
      >>> selectax.init_strongest_responses(k=2, units=1).label.tolist()
      [[-1], [-1]]
    """
    shape = checked_count("k", k), checked_count("units", units)
    return StrongestResponses(jnp.full(shape, -jnp.inf, dtype), jnp.full(shape, -1, jnp.int32))


def update_strongest_responses(
    strongest: StrongestResponses,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    *,
    above: float = 0.0,
    where: Bool[Array, "samples"] | None = None,
) -> StrongestResponses:
    """Adds a batch of responses. Of equal responses, the first is kept.

    Args:
      strongest: the state so far.
      responses: one number per sample and unit.
      labels: class of each sample, from 0, or −1 to ignore the sample.
      above: only responses larger than this are kept. With 0, samples to which a unit after a ReLU
        does not respond are not kept, even if fewer than k remain; −inf keeps all.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      The state of all samples so far, in the dtype of the given state. A response that is NaN or
      infinite is kept as NaN, before all others.

    Raises:
      TypeError: strongest is not StrongestResponses, labels are not integers, responses are not
        floating-point numbers, or `above` is not a single number.
      ValueError: shapes do not match, or, if values are concrete, a label is below −1, or `above`
        is NaN or infinite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.25], [1.0], [0.5]])
      >>> kept = selectax.update_strongest_responses(
      ...     selectax.init_strongest_responses(k=2, units=1), responses, jnp.array([0, 1, 1])
      ... )
      >>> kept.response.round(3), kept.label.tolist()
      (Array([[1. ],
             [0.5]], dtype=float32), [[1], [1]])
    """
    check_state("strongest", StrongestResponses, strongest)
    units = strongest.response.shape[1]
    responses = checked_responses(responses, units).astype(strongest.response.dtype)
    labels = checked_labels(labels, len(responses)).astype(jnp.int32)
    where = checked_where(where, len(responses))
    check_real("above", above)
    if is_concrete(above) and not above < jnp.inf:
        raise ValueError(f"above must be a number below infinity, not {above}.")
    usable = jnp.isfinite(responses) & (jnp.asarray(above) < jnp.inf)
    responses = jnp.where(usable, responses, jnp.nan)
    counts = ~(responses <= above) & (labels >= 0)[:, None]  # keeps NaN, which compares false
    if where is not None:
        counts = counts & where[:, None]
    batch = StrongestResponses(
        jnp.where(counts, responses, -jnp.inf), jnp.where(counts, labels[:, None], -1)
    )
    return _strongest_of(_concatenated(strongest, batch), len(strongest.response))


def merge_strongest_responses(a: StrongestResponses, b: StrongestResponses) -> StrongestResponses:
    """The state of the samples of both; associative. Of equal responses, those of a come first.

    Args:
      a: the state of some samples.
      b: the state of other samples, with the same number of units and the same k.

    Returns:
      The k strongest of both.

    Raises:
      TypeError: a or b is no such state.
      ValueError: k or the numbers of units differ.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.25], [1.0], [0.5]])
      >>> kept = selectax.update_strongest_responses(
      ...     selectax.init_strongest_responses(k=2, units=1), responses, jnp.array([0, 1, 1])
      ... )
      >>> selectax.merge_strongest_responses(kept, kept).response.round(3)
      Array([[1.],
             [1.]], dtype=float32)
    """
    check_alike(StrongestResponses, a, b, "(k, units)", lambda state: state.response.shape)
    return _strongest_of(_concatenated(a, b), len(a.response))


def merge_strongest_responses_over_devices(
    strongest: StrongestResponses, axis_name: str
) -> StrongestResponses:
    """The state of the samples of all devices along a mapped axis.

    Each device temporarily holds the states of all devices.

    Args:
      strongest: the state of the samples on each device. Of equal responses, that of the device
        with the lowest index comes first.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      The k strongest responses of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> two = selectax.StrongestResponses(
      ...     jnp.array([[[3.0], [1.0]], [[2.0], [0.5]]]), jnp.array([[[0], [0]], [[1], [1]]])
      ... )
      >>> def merge(strongest):
      ...     return selectax.merge_strongest_responses_over_devices(strongest, "devices")
      ...
      >>> jax.vmap(merge, axis_name="devices")(two).label[0].tolist()
      [[0], [1]]
    """
    devices, device = jax.lax.axis_size(axis_name), jax.lax.axis_index(axis_name)

    def gathered(leaf):
        # Gathers by a sum, whose result shard_map knows to be the same on all devices.
        own_place = jnp.zeros((devices, *leaf.shape), leaf.dtype).at[device].set(leaf)
        return jax.lax.psum(own_place, axis_name).reshape(-1, leaf.shape[1])

    return _strongest_of(jax.tree.map(gathered, strongest), len(strongest.response))


def precision_at_k(strongest: StrongestResponses, num_classes: int) -> Float[Array, "units"]:
    """Fraction of a unit's k strongest responses that are to their most frequent class.

    Args:
      strongest: the state of the samples seen.
      num_classes: number of classes.

    Returns:
      1 for a unit whose strongest responses are all to one class. If fewer than k responses were
      kept, the fraction of these; 0 if none was; NaN if a response of the unit is NaN or infinite.

    Raises:
      TypeError: num_classes is not an integer.
      ValueError: num_classes is below 1, or, if values are concrete, a label is not below it.

    References:
      Zhou et al., 2015, "Object detectors emerge in deep scene CNNs"; Zhou et al., 2018,
      "Revisiting the importance of individual units in CNNs via ablation"; Gale et al., 2020, "Are
      there any 'object detectors' in the hidden layers of CNNs trained to identify objects or
      scenes?" (class labels instead of human-annotated concepts).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.25], [1.0], [0.5]])
      >>> kept = selectax.update_strongest_responses(
      ...     selectax.init_strongest_responses(k=2, units=1), responses, jnp.array([0, 1, 1])
      ... )
      >>> selectax.precision_at_k(kept, num_classes=2).tolist()
      [1.0]
    """
    num_classes = checked_count("num_classes", num_classes)
    check_classes("labels", strongest.label, num_classes)
    finite = jnp.all(strongest.response < jnp.inf, axis=0)
    kept = jnp.sum(strongest.response > -jnp.inf, axis=0, dtype=jnp.float32)
    share = _commonest(strongest.label, num_classes).astype(jnp.float32) / jnp.maximum(kept, 1)
    return jnp.where(finite, share, jnp.nan)


@functools.partial(one_program, static=("num_classes",))
def _commonest(labels: Int[Array, "k units"], num_classes: int) -> Int[Array, "units"]:
    """Count of each unit's most frequent class: the longest run of equal sorted labels."""
    labels = jnp.sort(labels, axis=0)
    place = jnp.arange(len(labels), dtype=jnp.int32)[:, None]
    starts = jnp.concatenate([jnp.ones_like(labels[:1], bool), labels[1:] != labels[:-1]])
    run = place + 1 - jax.lax.cummax(jnp.where(starts, place, 0), axis=0)
    return jnp.max(jnp.where((labels >= 0) & (labels < num_classes), run, 0), axis=0)


def _concatenated(a: StrongestResponses, b: StrongestResponses) -> StrongestResponses:
    return jax.tree.map(lambda *both: jnp.concatenate(both), a, b)


@functools.partial(one_program, static=("k",))
def _strongest_of(candidates: StrongestResponses, k: int) -> StrongestResponses:
    response, place = jax.lax.top_k(candidates.response.T, k)  # keeps the first of equal values
    return StrongestResponses(response.T, jnp.take_along_axis(candidates.label.T, place, axis=1).T)
