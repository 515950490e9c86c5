"""Networks trained in PyTorch: their weights under this project's names and axes."""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from selectax.models.imagenet_resnet import ImageNetResNet
from selectax.models.networks import create
from selectax.models.resnet import CifarResNet
from selectax.models.torch_files import WeightsError, read_state_dict
from selectax.models.vgg import STAGES

# PyTorch's count of training batches, which a fixed momentum does not use.
_UNUSED = "num_batches_tracked"


def from_torch(path: str | os.PathLike[str], name: str, num_classes: int) -> dict[str, Any]:
    """Variables of a network whose weights were trained in PyTorch.

    The names in the file are those of akamaster/pytorch_resnet_cifar10 for resnet8 to resnet56, of
    torchvision for resnet10_quarter, resnet18 and resnet50, and for vgg16 those of torchvision's
    vgg16_bn but for its classifier, which is one linear layer, "classifier", as in
    kuangliu/pytorch-cifar. Prefixes "module." are dropped. PyTorch itself is not needed, and
    nothing in the file is run.

    Args:
      path: a file of `torch.save` with a state dict, or a dict with one under "state_dict"; or a
        safetensors file, told by its suffix.
      name: of the network, one of `MODELS`.
      num_classes: number of logits.

    Returns:
      float32 variables for `create(name, num_classes).apply`.

    Raises:
      WeightsError: there is no such file, it holds something else than weights, or weights of
        another network or number of classes.
      ValueError: the name is unknown, or there are no classes.

    Example:
      >>> from selectax import models
      >>> try:
      ...     models.from_torch("no_such_file.pt", "resnet20", num_classes=10)
      ... except models.WeightsError as error:
      ...     print(error)
      ...
      no_such_file.pt: cannot be read (No such file or directory); name a file with weights.
    """
    module = create(name, num_classes)
    arrays = read_state_dict(path)
    arrays = {key: array for key, array in arrays.items() if not key.endswith(_UNUSED)}
    # Shapes of the weights do not depend on the images' size.
    expected = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    names = dict(_torch_layers(module))

    def take(key_path, leaf):
        _, layer, kind = (key.key for key in key_path)
        torch_name = f"{names[layer]}.{_torch_kind(kind)}"
        if torch_name not in arrays:
            raise _other_network(path, name, f"it lacks {torch_name}")
        array = arrays.pop(torch_name)
        # PyTorch's axes: features first.
        array = array.transpose({4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim, range(array.ndim)))
        if array.shape != leaf.shape:
            raise _other_network(
                path, name, f"its {torch_name} has shape {array.shape}, not {leaf.shape}"
            )
        return jnp.asarray(np.asarray(array, np.float32))

    variables = jax.tree_util.tree_map_with_path(take, expected)
    if arrays:
        raise _other_network(path, name, f"nothing here is its {min(arrays)}")
    return variables


def _torch_kind(kind: str) -> str:
    """PyTorch's name for a layer's array."""
    kinds = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
    return kinds.get(kind, kind)


def _torch_layers(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of a network's layers, here and in PyTorch."""
    if isinstance(module, CifarResNet):
        yield from _convolution_and_norm("stage0_stem", "conv1", "bn1")
        yield from _blocks([(module.depth - 2) // 6] * 3, ["inner", "sum"])
        yield "logits", "linear"
    elif isinstance(module, ImageNetResNet):
        yield from _convolution_and_norm("stage0_stem", "conv1", "bn1")
        inner = ["inner1", "inner2"] if module.bottleneck else ["inner"]
        yield from _blocks(module.blocks, [*inner, "sum"])
        yield "logits", "fc"
    else:
        position = 0
        for stage, widths in enumerate(STAGES, start=1):
            for layer in range(1, len(widths) + 1):
                convolution, norm = f"features.{position}", f"features.{position + 1}"
                yield from _convolution_and_norm(f"stage{stage}_layer{layer}", convolution, norm)
                position += 3  # convolution, norm, ReLU
            position += 1  # max-pool
        yield "logits", "classifier"


def _blocks(blocks: Sequence[int], layers: list[str]) -> Iterator[tuple[str, str]]:
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            ours, theirs = f"stage{stage}_block{block}", f"layer{stage}.{block - 1}"
            for number, layer in enumerate(layers, start=1):
                names = f"{theirs}.conv{number}", f"{theirs}.bn{number}"
                yield from _convolution_and_norm(f"{ours}_{layer}", *names)
            downsample = f"{theirs}.downsample.0", f"{theirs}.downsample.1"
            yield from _convolution_and_norm(f"{ours}_shortcut", *downsample)


def _convolution_and_norm(ours: str, convolution: str, norm: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}_convolution", convolution
    yield f"{ours}_norm", norm


def _other_network(path: str | os.PathLike[str], name: str, reason: str) -> WeightsError:
    path = pathlib.Path(path)
    return WeightsError(f"{path}: holds no weights of {name} ({reason}); name another network.")
