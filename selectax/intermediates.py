"""Converts intermediates that other libraries capture to the activations that measures take."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Array

__all__ = ["activations_from_intermediates"]


def activations_from_intermediates(
    intermediates: Mapping[str, Any], *, layers: Sequence[str] | None = None
) -> dict[str, Array]:
    """Flattens nested intermediates, as Flax captures them, to a dict from layer name to array.

    Nested names are joined by "/", without "__call__", and later calls of the same module are
    numbered: "block/Conv_0", "block/Conv_0:1". The output of the outermost module (the logits) is
    left out.

    Args:
      intermediates: `state["intermediates"]` from Flax Linen's `apply(…,
        capture_intermediates=True)` or `sow`, or the `State` (or its pure dict) from Flax NNX's
        `nnx.capture`: nested dicts (or lists of dicts, named by position) of arrays, or of tuples
        or lists with one array for each call.
      layers: names of the layers to return, in order of depth; by default all, in the order of the
        dict. Linen's dict is in the order of the calls, unless it was returned through `jax.jit`,
        which sorts by name.

    Returns:
      Layer name to array, as captured. Apply the ReLU to activations that were captured before it,
      and leave out a last layer that returns the logits.

    Raises:
      TypeError: intermediates are not a mapping, or hold something other than arrays.
      ValueError: intermediates hold no layer, or a name in layers is unknown.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax import activations_from_intermediates
      >>> captured = {"block": {"Conv_0": {"__call__": (jnp.ones((2, 8, 8, 4)),)}}}
      >>> {name: layer.shape for name, layer in activations_from_intermediates(captured).items()}
      {'block/Conv_0': (2, 8, 8, 4)}
    """
    if not isinstance(intermediates, Mapping):
        raise TypeError(
            "intermediates must be a dict from layer name to what was captured, not "
            f"{'None' if intermediates is None else f'a {type(intermediates).__name__}'}; "
            "the measures accept an array or a list of arrays directly."
        )
    found = dict(_flat(intermediates, ()))
    if not found:
        raise ValueError(
            "intermediates hold no layer below the outermost module; capture or sow "
            "intermediates in the network's modules."
        )
    if layers is None:
        return found
    if isinstance(layers, str) or not layers:
        raise ValueError(f"layers must be a non-empty sequence of names, not {layers!r}.")
    for name in layers:
        if name not in found:
            raise ValueError(f"layers names {name!r}, which is not among {', '.join(found)}.")
    return {name: found[name] for name in layers}


def _flat(node, path):
    if hasattr(node, "get_value"):  # a Variable of Flax NNX
        node = node.get_value()
    if isinstance(node, Mapping):
        for key, below in node.items():
            yield from _flat(below, path if key == "__call__" else (*path, str(key)))
    elif isinstance(node, (tuple, list)) and any(isinstance(part, Mapping) for part in node):
        for position, below in enumerate(node):
            yield from _flat(below, (*path, str(position)))
    elif path:
        calls = node if isinstance(node, (tuple, list)) else (node,)
        for number, array in enumerate(calls):
            name = "/".join(path) + (f":{number}" if number else "")
            if not (hasattr(array, "dtype") and hasattr(array, "shape")):
                kind = "None" if array is None else f"a {type(array).__name__}"
                raise TypeError(f"intermediates[{name!r}] must be an array, not {kind}.")
            yield name, array
