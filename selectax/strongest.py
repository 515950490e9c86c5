"""The samples that drive each unit most strongly, found in one pass, and how pure they are."""

import dataclasses
import operator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

__all__ = [
    "StrongestResponses",
    "init_strongest",
    "merge_strongest",
    "precision_at_k",
    "update_strongest",
]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class StrongestResponses:
    """What a pass over labelled responses keeps: the k strongest responses of each unit.

    Two are merged by `merge_strongest`; they do not add, so over devices all must be gathered
    (`jax.lax.all_gather`) and merged.

    Attributes:
      response: in descending order, −inf where fewer than k samples were kept.
      label: class of the sample, −1 where none was kept.

    Example:
      >>> import selectax
      >>> selectax.init_strongest(k=2, units=3).label.shape
      (2, 3)
    """

    response: Float[Array, "k units"]
    label: Int[Array, "k units"]


def init_strongest(k: int, units: int) -> StrongestResponses:
    """The state of no samples at all, in float32.

    Args:
      k: responses kept of each unit.
      units: of the responses to come.

    Returns:
      Responses of −inf and labels of −1, each of shape (k, units).

    Raises:
      ValueError: k is below 1.

    Example:
      >>> import selectax
      >>> selectax.init_strongest(k=2, units=1).label.tolist()
      [[-1], [-1]]
    """
    if operator.index(k) < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    return StrongestResponses(jnp.full((k, units), -jnp.inf), jnp.full((k, units), -1, jnp.int32))


def update_strongest(
    strongest: StrongestResponses,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    *,
    above: float = 0.0,
    where: Bool[Array, "samples"] | None = None,
) -> StrongestResponses:
    """Adds a batch of responses; among equal responses the one seen first is kept.

    Args:
      strongest: what was kept before.
      responses: one number per sample and unit.
      labels: class of each sample; a negative label takes no part.
      above: only responses above it are kept. With 0, a unit after a ReLU that answers to fewer
        than k samples is judged by those alone, not by samples it is silent to; −inf keeps all.
      where: samples that count; the others (padding) may hold anything, NaN too.

    Returns:
      What is kept of the samples seen so far.

    Raises:
      TypeError: labels are no integers, or responses no floating-point numbers.
      ValueError: shapes do not fit one another.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.25], [1.0], [0.5]])
      >>> kept = selectax.update_strongest(
      ...     selectax.init_strongest(k=2, units=1), responses, jnp.array([0, 1, 1])
      ... )
      >>> kept.response.round(3), kept.label.tolist()
      (Array([[1. ],
             [0.5]], dtype=float32), [[1], [1]])
    """
    units = strongest.response.shape[1]
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
    counts = (responses > above) & (labels >= 0)[:, None]
    if where is not None:
        counts = counts & where.astype(bool)[:, None]
    batch = StrongestResponses(
        jnp.where(counts, responses.astype(jnp.float32), -jnp.inf),
        jnp.where(counts, jnp.asarray(labels, jnp.int32)[:, None], -1),
    )
    return _strongest_of(strongest, batch, len(strongest.response))


def merge_strongest(a: StrongestResponses, b: StrongestResponses) -> StrongestResponses:
    """The state of the samples of both, of which a's were seen first; associative.

    Args:
      a: of some samples.
      b: of others, of as many units and the same k.

    Returns:
      The k strongest of both.

    Raises:
      ValueError: k or the numbers of units differ.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.25], [1.0], [0.5]])
      >>> kept = selectax.update_strongest(
      ...     selectax.init_strongest(k=2, units=1), responses, jnp.array([0, 1, 1])
      ... )
      >>> selectax.merge_strongest(kept, kept).response.round(3)
      Array([[1.],
             [1.]], dtype=float32)
    """
    if a.response.shape != b.response.shape:
        raise ValueError(
            f"a and b differ in (k, units): {a.response.shape} and {b.response.shape}."
        )
    return _strongest_of(a, b, len(a.response))


def precision_at_k(strongest: StrongestResponses, num_classes: int) -> Float[Array, "units"]:
    """Share of a unit's k strongest responses that belong to their commonest class.

    Args:
      strongest: of the samples seen.
      num_classes: number of classes.

    Returns:
      Up to 1 for a unit whose strongest responses are all to one class; where fewer than k samples
      were kept, the share of those; 0 where none was.

    References:
      Zhou et al., 2015, "Object detectors emerge in deep scene CNNs"; Zhou et al., 2018,
      "Revisiting the importance of individual units in CNNs via ablation"; Gale et al., 2020, "Are
      there any 'object detectors' in the hidden layers of CNNs trained to identify objects or
      scenes?" (with class labels in the place of concepts named by people).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[0.25], [1.0], [0.5]])
      >>> kept = selectax.update_strongest(
      ...     selectax.init_strongest(k=2, units=1), responses, jnp.array([0, 1, 1])
      ... )
      >>> selectax.precision_at_k(kept, num_classes=2).tolist()
      [1.0]
    """
    of_class = strongest.label[..., None] == jnp.arange(num_classes)
    kept = jnp.sum(strongest.response > -jnp.inf, axis=0)
    commonest = jnp.max(jnp.sum(of_class, axis=0), axis=-1)
    return commonest / jnp.maximum(kept, 1)


def _strongest_of(a: StrongestResponses, b: StrongestResponses, k: int) -> StrongestResponses:
    responses = jnp.concatenate([a.response, b.response]).T
    labels = jnp.concatenate([a.label, b.label]).T
    response, place = jax.lax.top_k(responses, k)  # stable: of equal ones the first
    return StrongestResponses(response.T, jnp.take_along_axis(labels, place, axis=1).T)
