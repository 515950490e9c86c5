"""What other libraries capture inside of a network, as the activations that the measures take."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Array

__all__ = ["activations_from_intermediates"]


def activations_from_intermediates(
    intermediates: Mapping[str, Any], *, layers: Sequence[str] | None = None
) -> dict[str, Array]:
    """Nested intermediates, as Flax captures them, as one dict from layer name to array.

    A nested name is joined by "/", "__call__" is left out of it, and later calls of the same module
    are numbered: "block/Conv_0", "block/Conv_0:1". The output of the outermost module, which is the
    logits, is left out.

    Args:
      intermediates: `state["intermediates"]` of Flax Linen's `apply(…, capture_intermediates=True)`
        or of `sow`, or the pure dict of Flax NNX's `nnx.capture`: dicts of dicts of arrays or of
        tuples of arrays, one a call.
      layers: names of those that count, in order of depth; by default all, in the order of the
        dict. Linen keeps the order of the calls, but not through `jax.jit`, which sorts by name.

    Returns:
      Layer name to array as it was captured: what comes before the ReLU is still to be put through
      it, and the last layer's logits do not belong to the activations.

    Raises:
      ValueError: a name in layers is unknown.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax import activations_from_intermediates
      >>> captured = {"block": {"Conv_0": {"__call__": (jnp.ones((2, 8, 8, 4)),)}}}
      >>> {name: layer.shape for name, layer in activations_from_intermediates(captured).items()}
      {'block/Conv_0': (2, 8, 8, 4)}
    """
    found = dict(_flat(intermediates, ()))
    if layers is None:
        return found
    for name in layers:
        if name not in found:
            raise ValueError(f"layers names {name!r}, which is not among {', '.join(found)}.")
    return {name: found[name] for name in layers}


def _flat(node, path):
    if isinstance(node, Mapping):
        for key, below in node.items():
            yield from _flat(below, path if key == "__call__" else (*path, str(key)))
    elif path:
        calls = node if isinstance(node, tuple) else (node,)
        for number, array in enumerate(calls):
            yield "/".join(path) + (f":{number}" if number else ""), array
