"""Checks of activations and responses, and the treatment of negative responses."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from selectax.arguments.arrays import as_array, is_concrete
from selectax.arguments.names import nearest

Signed = Literal["error", "absolute", "split"]
"""What to do with negative responses, for which the class selectivity index is not defined.

"error" raises an error if a concrete value is negative, "absolute" uses magnitudes, and "split"
makes the positive parts and the magnitudes of the negative parts separate units: first all positive
parts, then all negative parts, so that there are twice as many units.
"""

Layers = Sequence[str | Sequence[str]] | Mapping[str, Sequence[str]]
"""A choice of layers: names, groups of names (units are pooled within a group), or a mapping from
any key to a group of names."""


def is_several(activations: Any) -> bool:
    """Whether activations are a container of layers, not a single array or nested numbers."""
    if isinstance(activations, Mapping):
        return True
    if not isinstance(activations, (list, tuple)):
        return False
    return not (activations and _are_numbers(activations))


def named_layers(activations: Any) -> dict[str, Float[Array, "samples *space units"]]:
    """Activations by layer name, in the given order.

    Args:
      activations: an array, which is named "layer"; a mapping from name to array; or a list or
        tuple of arrays in order of depth, which are named "layer_0" and so on (with leading zeros,
        so that names sort by depth), or by the fields of a named tuple.

    Raises:
      TypeError: a layer is not an array of floating-point numbers.
      ValueError: there are no layers, or a layer has fewer than two dimensions or no units.
    """
    if not is_several(activations):
        return {"layer": checked_layer("activations", activations)}
    if not activations:
        raise ValueError("activations must hold at least one layer, but are empty.")
    if isinstance(activations, Mapping):
        return {
            name: checked_layer(f"activations[{name!r}]", layer)
            for name, layer in activations.items()
        }
    digits = len(str(len(activations) - 1))
    names = getattr(activations, "_fields", None) or [
        f"layer_{position:0{digits}}" for position in range(len(activations))
    ]
    return {
        name: checked_layer(f"activations[{position}]", layer)
        for position, (name, layer) in enumerate(zip(names, activations, strict=True))
    }


def chosen_layers(
    activations: Any, layers: Layers | None
) -> dict[str, Float[Array, "samples *space units"]]:
    """Activations by layer name, of the given layers only.

    Args:
      activations: as for `named_layers`.
      layers: names of the layers to return, in this order, or groups of names; None for all.

    Raises:
      TypeError: as `named_layers`.
      ValueError: as `named_layers` and `layer_groups`, or layers hold an unknown name.
    """
    named = named_layers(activations)
    if layers is None:
        return named
    names = [name for group in layer_groups(layers) for name in group]
    for name in names:
        if name not in named:
            raise ValueError(
                f"layers names {name!r}, which is not a layer; use {nearest(name, named)}."
            )
    return {name: named[name] for name in names}


def layer_groups(layers: Layers) -> tuple[tuple[str, ...], ...]:
    """The chosen layers as groups of names; a name on its own is a group of one layer.

    Raises:
      ValueError: layers or a group are empty, or a name is given twice.
    """
    if isinstance(layers, str) or not layers:
        raise ValueError(f"layers must be a non-empty sequence of names, not {layers!r}.")
    values = layers.values() if isinstance(layers, Mapping) else layers
    groups = tuple((group,) if isinstance(group, str) else tuple(group) for group in values)
    names = [name for group in groups for name in group]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"layers names {name!r} more than once; give each layer once.")
    if not all(groups):
        raise ValueError(f"layers holds an empty group: {layers!r}; name its layers or omit it.")
    return groups


def group_widths(widths: Mapping[str, int], layers: Layers | None) -> dict[str, int]:
    """Number of units of each group of layers, from those of each layer; by default alike."""
    if layers is None:
        return dict(widths)
    return {"+".join(group): sum(map(widths.__getitem__, group)) for group in layer_groups(layers)}


def checked_layer(name: str, layer: Any) -> Float[Array, "samples *space units"]:
    """Activations of one layer as an array.

    Raises:
      TypeError: layer is not an array of floating-point numbers.
      ValueError: layer has fewer than two dimensions, no units or no positions.
    """
    held = layer.get_value() if hasattr(layer, "get_value") else layer  # a Variable of Flax NNX
    if isinstance(held, Mapping) or (isinstance(held, (list, tuple)) and not _are_numbers(held)):
        raise TypeError(
            f"{name} must be an array, not a {type(held).__name__}; flatten captured intermediates "
            "with selectax.activations_from_intermediates."
        )
    array = as_array(name, held)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating-point numbers, not {array.dtype}.")
    if array.ndim < 2:
        raise ValueError(f"{name} must have shape (samples, …, units), not {array.shape}.")
    if 0 in array.shape[1:]:
        raise ValueError(f"{name} has no units or no positions: its shape is {array.shape}.")
    return jnp.asarray(array)


def checked_responses(responses: Any, units: int | None = None) -> Float[Array, "samples units"]:
    """Responses as a matrix of floating-point numbers.

    Args:
      responses: one number per sample and unit.
      units: number of units expected, or None for any.

    Raises:
      TypeError: responses are not floating-point numbers.
      ValueError: responses have the wrong shape.
    """
    array = as_array("responses", responses)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"responses must be floating-point numbers, not {array.dtype}.")
    if array.ndim != 2 or array.shape[1] != (units or array.shape[1]):
        remedy = "; take unit_responses(activations) first" if array.ndim > 2 else ""
        width = "units" if units is None else units
        raise ValueError(
            f"responses must have shape (samples, {width}), not {array.shape}{remedy}."
        )
    if not array.shape[1]:
        raise ValueError(f"responses of shape {array.shape} have no units.")
    return jnp.asarray(array)


def check_not_negative(
    name: str, values: Float[Array, "rows units"], counts: Bool[Array, "rows"] | None = None
) -> None:
    """Raises a ValueError if a concrete value in a row that counts is negative."""
    if not is_concrete(values, counts):
        return
    negative = np.asarray(values) < 0
    if counts is not None:
        negative &= np.asarray(counts)[:, None]
    if np.any(negative):
        raise ValueError(
            f"{name} hold {np.asarray(values)[negative][0]}, but the index is defined for "
            "responses that are not negative, as after a ReLU; give signed='absolute' or "
            "signed='split' to take magnitudes or the positive and negative parts."
        )


def with_sign(
    responses: Float[Array, "samples units"],
    signed: Signed,
    counts: Bool[Array, "samples"] | None = None,
) -> Float[Array, "samples units_or_parts"]:
    """Responses without negative values, as `Signed` describes.

    Raises:
      ValueError: signed is unknown, or it is "error" and a concrete response that counts is
        negative.
    """
    if signed == "error":
        check_not_negative("responses", responses, counts)
        return responses
    if signed == "absolute":
        return jnp.abs(responses)
    if signed == "split":
        # NaN compares false, so it stays in both parts.
        positive = jnp.where(responses <= 0, 0, responses)
        negative = jnp.where(responses >= 0, 0, -responses)
        return jnp.concatenate([positive, negative], axis=-1)
    raise ValueError(f"signed must be 'error', 'absolute' or 'split', not {signed!r}.")


def _are_numbers(value) -> bool:
    """Whether nested lists or tuples hold only Python or NumPy numbers."""
    leaves = jax.tree.leaves(value, is_leaf=lambda leaf: leaf is None)
    return all(isinstance(leaf, (bool, int, float, np.generic)) for leaf in leaves)
