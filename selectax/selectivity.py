"""Class selectivity: streamed class moments, the class selectivity index, layer and network means.

References:
  Morcos et al., 2018, "On the importance of single directions for generalization" (the index).
  Leavitt & Morcos, 2020, "Selectivity considered harmful", arXiv 2003.01262 (its mean over layers).
"""

import dataclasses
import difflib
import itertools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

__all__ = [
    "Activations",
    "ClassMoments",
    "class_means",
    "class_selectivity_index",
    "init_moments",
    "layer_selectivity",
    "mean_selectivity",
    "mean_selectivity_and_grad",
    "unit_responses",
    "update_moments",
]

Activations = Mapping[str, Float[Array, "samples *space units"]] | Float[Array, "..."]
"""Of several layers by name, in order of depth, or of a single one."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ClassMoments:
    """What a pass over labelled responses accumulates; adding two merges them, and so does psum.

    Attributes:
      count: samples seen of each class.
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
        return ClassMoments(self.count + other.count, self.total + other.total)


def init_moments(num_classes: int, units: int) -> ClassMoments:
    """Moments of no samples at all, in float32.

    Args:
      num_classes: at least 1.
      units: of the responses to come.

    Returns:
      Counts of shape (classes,) and totals of shape (classes, units), all 0.

    Example:
      >>> import selectax
      >>> selectax.init_moments(num_classes=10, units=16).total.shape
      (10, 16)
    """
    return ClassMoments(jnp.zeros(num_classes), jnp.zeros((num_classes, units)))


def update_moments(
    moments: ClassMoments,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> ClassMoments:
    """Adds a batch of responses to the moments.

    Args:
      moments: what was accumulated before.
      responses: one number per sample and unit; bfloat16 and float16 are summed in float32.
      labels: class of each sample; a label outside 0 … classes − 1 takes no part.
      where: samples that count; the others (padding) may hold anything, NaN too.

    Returns:
      Moments of the samples seen so far.

    Raises:
      TypeError: labels are no integers, or responses no floating-point numbers.
      ValueError: shapes do not fit one another.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.array([[1.0], [3.0], [5.0]]), jnp.array([0, 0, 1])
      >>> moments = selectax.update_moments(selectax.init_moments(2, 1), responses, labels)
      >>> moments.count.tolist(), moments.total.tolist()
      ([2.0, 1.0], [[4.0], [5.0]])
    """
    num_classes, units = moments.total.shape
    if responses.ndim != 2 or responses.shape[1] != units:
        raise ValueError(
            f"responses must have shape (samples, {units}), not {responses.shape}; "
            "take unit_responses(activations) first."
        )
    return moments + _batch_moments(responses, labels, num_classes, where)


def class_means(
    moments: ClassMoments,
) -> tuple[Float[Array, "classes units"], Bool[Array, "classes"]]:
    """Class-conditional mean responses, 0 for absent classes, and which classes are present.

    Args:
      moments: of the samples seen.

    Returns:
      Means of shape (classes, units), in the responses' units, and booleans of shape (classes,).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> moments = selectax.ClassMoments(jnp.array([2.0, 0.0]), jnp.array([[4.0], [0.0]]))
      >>> means, present = selectax.class_means(moments)
      >>> means.tolist(), present.tolist()
      ([[2.0], [0.0]], [True, False])
    """
    present = moments.count > 0
    return moments.total / jnp.where(present, moments.count, 1)[:, None], present


def class_selectivity_index(
    means: Float[Array, "classes units"],
    present: Bool[Array, "classes"] | None = None,
    *,
    eps: float = 1e-6,
) -> Float[Array, "units"]:
    """Class selectivity index, (μ_max − μ_rest) / (μ_max + μ_rest + eps).

    μ_max is a unit's largest class mean and μ_rest the mean of its other classes' means, so each
    class counts once, whatever the number of its samples.

    Args:
      means: class-conditional mean responses, not negative (the index is taken after the ReLU).
      present: classes that take part; by default all.
      eps: keeps the index of a nearly dead unit finite.

    Returns:
      0 for equal means to 1 for a unit that answers to one class alone. A unit whose μ_max does not
      exceed μ_rest (a dead one, or one present class) has index 0 and gradient 0.

    Raises:
      ValueError: means or present have another shape.

    References:
      Morcos et al., 2018; Leavitt & Morcos, 2020, arXiv 2003.01262 (class selectivity index).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> means = jnp.array([[4.0, 1.0, 3.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
      >>> selectax.class_selectivity_index(means).round(3)
      Array([1. , 0. , 0.5], dtype=float32)
    """
    if means.ndim != 2:
        raise ValueError(f"means must have shape (classes, units), not {means.shape}.")
    if present is None:
        present = jnp.ones(means.shape[0], bool)
    if present.shape != means.shape[:1]:
        raise ValueError(f"present must have shape {means.shape[:1]}, not {present.shape}.")
    means = means.astype(jnp.promote_types(means.dtype, jnp.float32))
    present = present.astype(bool)[:, None]
    best = jnp.argmax(jnp.where(present, means, -jnp.inf), axis=0)
    is_best = jnp.arange(means.shape[0])[:, None] == best
    highest = jnp.sum(jnp.where(is_best & present, means, 0), axis=0)
    # Summing the others, rather than subtracting the largest from all, does not cancel.
    others = jnp.sum(jnp.where(~is_best & present, means, 0), axis=0)
    rest = others / jnp.maximum(jnp.sum(present) - 1, 1)
    selective = (jnp.sum(present) >= 2) & (highest > rest)
    denominator = jnp.where(selective, highest + rest + eps, 1)  # double where: finite gradients
    return jnp.where(selective, (highest - rest) / denominator, 0)


def unit_responses(
    activations: Float[Array, "samples *space units"],
) -> Float[Array, "samples units"]:
    """Response of each unit to each sample: the mean of its map over space, in float32 or wider.

    Args:
      activations: of one layer; any number of dimensions of space, or none.

    Returns:
      Of shape (samples, units), in the activations' units.

    Raises:
      TypeError: activations are no floating-point numbers.
      ValueError: activations have fewer than two dimensions.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.unit_responses(jnp.ones((2, 8, 8, 16))).shape
      (2, 16)
    """
    if not jnp.issubdtype(activations.dtype, jnp.floating):
        raise TypeError(f"activations must be floating-point numbers, not {activations.dtype}.")
    if activations.ndim < 2:
        raise ValueError(
            f"activations must have shape (samples, …, units), not {activations.shape}."
        )
    space = tuple(range(1, activations.ndim - 1))
    return jnp.mean(activations, axis=space, dtype=jnp.promote_types(activations.dtype, "float32"))


def layer_selectivity(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
) -> dict[str, Float[Array, "units"]]:
    """Class selectivity index of each unit of each layer, on one batch.

    Args:
      activations: layer name to array of shape (samples, …, units); a single array counts as one
        layer named "layer".
      labels: class of each sample.
      num_classes: number of classes; those absent from the batch take no part.
      where: samples that count.
      axis_name: mapped axis of devices that share the batch; sums and counts are summed over it
        before the index is formed.

    Returns:
      Layer name to indices.

    Raises:
      TypeError: labels are no integers, or activations no floating-point numbers.
      ValueError: shapes do not fit one another, or there are no layers.

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
    moments, widths = _layer_moments(activations, labels, num_classes, None, where)
    if axis_name is not None:
        moments = jax.lax.psum(moments, axis_name)
    return _split_layers(class_selectivity_index(*class_means(moments)), widths)


def mean_selectivity(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    layers: Sequence[str] | None = None,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, ""]:
    """Mean over layers of the mean over a layer's units of the class selectivity index, μ_SI.

    Args:
      activations: layer name to array of shape (samples, …, units), or a single array.
      labels: class of each sample.
      num_classes: number of classes; those absent from the batch take no part.
      layers: names of the layers that count; by default all.
      where: samples that count; with none the result is 0.
      axis_name: mapped axis of devices that share the batch; sums and counts are summed over it
        before the index is formed.

    Returns:
      Between 0 and 1.

    Raises:
      TypeError: labels are no integers, or activations no floating-point numbers.
      ValueError: shapes do not fit one another, or a name in layers is unknown.

    References:
      Leavitt & Morcos, 2020, arXiv 2003.01262 (μ_SI of the regularizer).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> activations = {"first": jnp.array([[1.0, 2.0], [0.0, 2.0]])}
      >>> round(float(selectax.mean_selectivity(activations, jnp.array([0, 1]), num_classes=2)), 3)
      0.5
    """
    moments, widths = _layer_moments(activations, labels, num_classes, layers, where)
    if axis_name is not None:
        moments = jax.lax.psum(moments, axis_name)
    return _mean_over_layers(moments, widths)


def mean_selectivity_and_grad(
    activations: Activations,
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    layers: Sequence[str] | None = None,
    where: Bool[Array, "samples"] | None = None,
    axis_name: str | None = None,
) -> tuple[Float[Array, ""], Activations]:
    """`mean_selectivity` and its gradient with respect to the activations.

    With `axis_name` each device gets its own samples' part of the gradient that a single device
    with the whole batch would compute; nothing is left to be summed or averaged.

    Args:
      activations: as for `mean_selectivity`, and so are the others.
      labels: class of each sample.
      num_classes: number of classes.
      layers: names of the layers that count; the others' gradient is 0.
      where: samples that count; the others' gradient is 0.
      axis_name: mapped axis of devices that share the batch.

    Returns:
      The mean, between 0 and 1, and the gradient in the shapes and dtypes of the activations.

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
    widths = _layer_widths(_as_layers(activations, layers))

    def local_moments(activations: Activations) -> ClassMoments:
        # In the order of widths: JAX hands dicts on sorted by their keys.
        return _layer_moments(activations, labels, num_classes, tuple(widths), where)[0]

    moments, pull_back = jax.vjp(local_moments, activations)
    total = moments if axis_name is None else jax.lax.psum(moments, axis_name)
    # The same numbers as total, but typed as varying over devices, as the pull-back wants it.
    local_total = jax.tree.map(lambda whole, part: jnp.where(True, whole, part), total, moments)
    (gradient,) = pull_back(jax.grad(_mean_over_layers)(local_total, widths))
    return _mean_over_layers(total, widths), gradient


def _batch_moments(responses, labels, num_classes, where) -> ClassMoments:
    if not jnp.issubdtype(responses.dtype, jnp.floating):
        raise TypeError(f"responses must be floating-point numbers, not {responses.dtype}.")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {labels.dtype}; cast class indices to int.")
    for name, values in (("labels", labels), ("where", where)):
        if values is not None and values.shape != responses.shape[:1]:
            raise ValueError(
                f"{name} must have shape {responses.shape[:1]}, one entry a sample, "
                f"not {values.shape}."
            )
    responses = responses.astype(jnp.promote_types(responses.dtype, jnp.float32))
    member = labels[:, None] == jnp.arange(num_classes)
    if where is not None:
        where = where.astype(bool)[:, None]
        member, responses = member & where, jnp.where(where, responses, 0)
    member = member.astype(responses.dtype)
    # HIGHEST: TPUs and GPUs would otherwise round the responses to bfloat16 or TF32.
    total = jnp.einsum("sc,su->cu", member, responses, precision=jax.lax.Precision.HIGHEST)
    return ClassMoments(jnp.sum(member, axis=0), total)


def _as_layers(activations, layers) -> dict[str, Float[Array, "samples *space units"]]:
    named = dict(activations) if isinstance(activations, Mapping) else {"layer": activations}
    if not named:
        raise ValueError("activations must hold at least one layer.")
    if layers is None:
        return named
    if isinstance(layers, str) or not layers:
        raise ValueError(f"layers must be a non-empty sequence of names, not {layers!r}.")
    for name in layers:
        if name not in named:
            nearest = difflib.get_close_matches(name, named, n=1, cutoff=0)[0]
            raise ValueError(f"layers names {name!r}, which is no layer; the nearest is {nearest}.")
    return {name: named[name] for name in layers}


def _layer_widths(named: Mapping[str, Array]) -> dict[str, int]:
    return {name: layer.shape[-1] for name, layer in named.items()}


def _layer_moments(activations, labels, num_classes, layers, where):
    """Moments of all layers' units side by side: one matrix product and one psum serve them all."""
    named = _as_layers(activations, layers)
    for name, layer in named.items():
        if layer.shape[:1] != labels.shape:
            raise ValueError(
                f"labels must have one entry a sample, but have shape {labels.shape} where "
                f"activations[{name!r}] has shape {layer.shape}."
            )
    responses = jnp.concatenate([unit_responses(layer) for layer in named.values()], axis=1)
    return _batch_moments(responses, labels, num_classes, where), _layer_widths(named)


def _split_layers(units, widths: Mapping[str, int]) -> dict[str, Float[Array, "units"]]:
    ends = list(itertools.accumulate(widths.values()))
    return dict(zip(widths, jnp.split(units, ends[:-1]), strict=True))


def _mean_over_layers(moments: ClassMoments, widths: Mapping[str, int]) -> Float[Array, ""]:
    index = _split_layers(class_selectivity_index(*class_means(moments)), widths)
    return jnp.mean(jnp.stack([jnp.mean(layer) for layer in index.values()]))
