"""Names of the networks' layers in PyTorch."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from selectax.models.imagenet_resnet import ImageNetResNet
from selectax.models.networks import create
from selectax.models.resnet import CifarResNet
from selectax.models.vgg import STAGES

_KINDS = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
_ORDER = ("weight", "bias", "running_mean", "running_var")
# Other names of the last layer, and of a projection's place in its block.
_LAST = ("fc", "linear", "classifier")
_PROJECTION = {"shortcut": "downsample"}


def usual_name(name: str) -> str:
    """A name in torchvision's manner: "fc" for the last layer, "downsample" for a projection."""
    first, *others = name.split(".")
    if len(others) == 1 and first in _LAST:
        first = _LAST[0]
    return ".".join([first, *(_PROJECTION.get(part, part) for part in others)])


@functools.cache
def torch_shapes(name: str, num_classes: int) -> Mapping[str, tuple[int, ...]]:
    """Shapes of a network's arrays by their usual names in PyTorch, in order of depth.

    Args:
      name: of the network, one of `MODELS`.
      num_classes: number of logits.
    """
    module = create(name, num_classes)
    names = dict(_layers(module))
    shapes: dict[str, dict[str, tuple[int, ...]]] = {theirs: {} for theirs in names.values()}
    for (_, layer, kind), leaf in _leaves(expected_variables(name, num_classes)):
        shapes[names[layer]][_KINDS.get(kind, kind)] = in_torch_axes(leaf.shape)
    return {
        f"{layer}.{kind}": of_layer[kind]
        for layer, of_layer in shapes.items()
        for kind in _ORDER
        if kind in of_layer
    }


def torch_name(module: nn.Module, path: Sequence[Any]) -> str:
    """The usual name in PyTorch of the array at a path in a network's variables."""
    _, layer, kind = (entry.key for entry in path)
    return f"{dict(_layers(module))[layer]}.{_KINDS.get(kind, kind)}"


@functools.cache
def expected_variables(name: str, num_classes: int) -> Any:
    """Shapes of a network's variables, which do not depend on the images' size."""
    module = create(name, num_classes)
    return jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))


def in_torch_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape with PyTorch's order of axes, features first."""
    return tuple(shape[axis] for axis in _AXES.get(len(shape), range(len(shape))))


def in_our_axes(array: Any) -> Any:
    """The array with features last."""
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}
    return array.transpose(axes.get(array.ndim, range(array.ndim)))


_AXES = {4: (3, 2, 0, 1), 2: (1, 0)}


def first_weight(name: str) -> str:
    """Usual name of a network's first weight."""
    layer = next(theirs for _, theirs in _layers(create(name, 1)))
    return f"{layer}.weight"


def layer_names(name: str) -> set[str]:
    """Usual names of a network's layers; nothing is computed."""
    return {theirs for _, theirs in _layers(create(name, 1))}


def _leaves(variables: Any) -> Iterator[tuple[tuple[str, str, str], Any]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        yield tuple(entry.key for entry in path), leaf


def _layers(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of a network's layers, here and in PyTorch, in order of depth."""
    if isinstance(module, CifarResNet):
        yield from _convolution_and_norm("stage0_stem", "conv1", "bn1")
        projected = [False, module.projection, module.projection]
        yield from _blocks([(module.depth - 2) // 6] * 3, ["inner", "sum"], projected)
    elif isinstance(module, ImageNetResNet):
        yield from _convolution_and_norm("stage0_stem", "conv1", "bn1")
        inner = ["inner1", "inner2"] if module.bottleneck else ["inner"]
        projected = [module.bottleneck, True, True, True]
        yield from _blocks(module.blocks, [*inner, "sum"], projected)
    else:
        position = 0
        for stage, widths in enumerate(STAGES, start=1):
            for layer in range(1, len(widths) + 1):
                convolution, norm = f"features.{position}", f"features.{position + 1}"
                yield from _convolution_and_norm(f"stage{stage}_layer{layer}", convolution, norm)
                position += 3  # convolution, norm, ReLU
            position += 1  # max-pool
    yield "logits", "fc"


def _blocks(
    blocks: Sequence[int], layers: list[str], projected: Sequence[bool]
) -> Iterator[tuple[str, str]]:
    for stage, (count, projection) in enumerate(zip(blocks, projected, strict=True), start=1):
        for block in range(1, count + 1):
            ours, theirs = f"stage{stage}_block{block}", f"layer{stage}.{block - 1}"
            for number, layer in enumerate(layers, start=1):
                names = f"{theirs}.conv{number}", f"{theirs}.bn{number}"
                yield from _convolution_and_norm(f"{ours}_{layer}", *names)
            if projection and block == 1:
                downsample = f"{theirs}.downsample.0", f"{theirs}.downsample.1"
                yield from _convolution_and_norm(f"{ours}_shortcut", *downsample)


def _convolution_and_norm(ours: str, convolution: str, norm: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}_convolution", convolution
    yield f"{ours}_norm", norm
