"""Converts between the networks' layer names and shapes here and those in PyTorch."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from selectax.models.networks import NETWORKS, create

_KINDS = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
_ORDER = ("weight", "bias", "running_mean", "running_var")
# Alternative names of the last layer, and of the projection in a residual block.
_LAST = ("fc", "linear", "classifier")
_PROJECTION = {"shortcut": "downsample"}


def usual_name(name: str) -> str:
    """Returns torchvision's name: "fc" for the last layer, "downsample" for a projection."""
    first, *others = name.split(".")
    if len(others) == 1 and first in _LAST:
        first = _LAST[0]
    return ".".join([first, *(_PROJECTION.get(part, part) for part in others)])


@functools.cache
def torch_shapes(name: str, num_classes: int) -> Mapping[str, tuple[int, ...]]:
    """Returns the shapes of a network's arrays by their PyTorch names, in order of depth.

    Args:
      name: name of the network, one of `NETWORKS`.
      num_classes: number of logits.
    """
    names = _layers(name, create(name, num_classes))
    shapes: dict[str, dict[str, tuple[int, ...]]] = {theirs: {} for theirs in names.values()}
    for (_, layer, kind), leaf in _leaves(expected_variables(name, num_classes)):
        shapes[names[layer]][_KINDS.get(kind, kind)] = in_torch_axes(leaf.shape)
    return {
        f"{layer}.{kind}": of_layer[kind]
        for layer, of_layer in shapes.items()
        for kind in _ORDER
        if kind in of_layer
    }


def torch_name(name: str, path: Sequence[Any]) -> str:
    """Returns the PyTorch name of the array at a path in a network's variables."""
    _, layer, kind = (entry.key for entry in path)
    return f"{_layers(name, create(name, 1))[layer]}.{_KINDS.get(kind, kind)}"


@functools.cache
def expected_variables(name: str, num_classes: int) -> Any:
    """Returns the shapes of a network's variables. They do not depend on the image size."""
    module, size = create(name, num_classes), NETWORKS[name].smallest_image
    images = jnp.zeros((1, size, size, 3))
    return jax.eval_shape(module.init, jax.random.key(0), images)


def in_torch_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """Converts the shape of an array to PyTorch's order of axes, with features first."""
    return tuple(shape[axis] for axis in _AXES.get(len(shape), range(len(shape))))


def in_our_axes(array: Any) -> Any:
    """Transposes an array from PyTorch's order of axes to ours, with features last."""
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}
    return array.transpose(axes.get(array.ndim, range(array.ndim)))


_AXES = {4: (3, 2, 0, 1), 2: (1, 0)}


def first_weight(name: str) -> str:
    """Returns the PyTorch name of a network's first weight."""
    return f"{next(iter(_layers(name, create(name, 1)).values()))}.weight"


def layer_names(name: str) -> set[str]:
    """Returns the PyTorch names of a network's layers without any computation."""
    return {*_layers(name, create(name, 1)).values()}


def _leaves(variables: Any) -> Iterator[tuple[tuple[str, str, str], Any]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        yield tuple(entry.key for entry in path), leaf


def _layers(name: str, module: nn.Module) -> dict[str, str]:
    """Maps a network's layer names here to those in PyTorch, in order of depth."""
    torch_layers = NETWORKS[name].torch_layers
    if torch_layers is None:
        raise ValueError(
            f"model {name}: its entry in NETWORKS does not name its layers in PyTorch; add "
            "torch_layers."
        )
    return {**dict(torch_layers(module)), "logits": "fc"}
