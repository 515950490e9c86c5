"""Converts the weights of networks trained in PyTorch to this project's names and axes."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from selectax.models.networks import MODELS, create
from selectax.models.pytorch.files import TorchFile, WeightsError, guarded, open_torch_file
from selectax.models.pytorch.names import (
    expected_variables,
    first_weight,
    in_our_axes,
    layer_names,
    torch_name,
    torch_shapes,
    usual_name,
)
from selectax.models.pytorch.search import StateDict, find_state_dicts, of_key, under_prefixes


class _Attempt(NamedTuple):
    """Comparison of a part of a file with a network.

    Attributes:
      state_dict: the part of the file.
      names: maps torchvision's names to the names in the file.
      mismatch: the first difference from the network, in order of depth; None if the part fits.
      differences: number of differences.
    """

    state_dict: StateDict
    names: dict[str, str]
    mismatch: str | None
    differences: int


def from_torch(
    path: str | os.PathLike[str],
    name: str,
    num_classes: int,
    *,
    key: str | None = None,
    labels: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Loads the variables of a network that was trained in PyTorch.

    The file must use the names of torchvision, akamaster/pytorch_resnet_cifar10 or
    kuangliu/pytorch-cifar: "fc", "linear" or "classifier" for the last layer, and "downsample" or
    "shortcut" for a projection. The state dict may be nested in the file, and its names may have a
    prefix such as "module." or "model.". The function uses the only part of the file that fits the
    network. It executes no code in the file and does not need PyTorch.

    A state dict does not record how images were normalised, whether there was a max-pool, or which
    class each logit stands for. Pass the first two to `create` as `mean`, `deviation` and
    `max_pool`, and the last to this function as `labels`.

    Args:
      path: path of a file written by `torch.save` or safetensors. Its content determines which.
      name: name of the network, one of `MODELS`.
      num_classes: number of logits.
      key: location of the state dict in the file, such as "ema" or "state_dict.model". Needed only
        if several parts fit.
      labels: class of each logit in the file, if the file has another order of classes. The file's
        logits 0, 1, … become the logits `labels[0]`, `labels[1]`, …

    Returns:
      float32 variables for `create(name, num_classes).apply`.

    Raises:
      WeightsError: if the file is missing, has no weights, has weights of another network or
        another number of classes, or has several sets of weights that fit.
      ValueError: if the name is unknown, if there are no classes, or if `labels` does not contain
        each class once.

    Example:
      >>> from selectax import models
      >>> try:
      ...     models.from_torch("no_such_file.pt", "resnet20", num_classes=10)
      ... except models.WeightsError as error:
      ...     print(error)
      ...
      no_such_file.pt: cannot be read (No such file or directory); name a file with weights.
    """
    create(name, num_classes)  # raises an error if the name is unknown or there are no classes
    order = np.arange(num_classes) if labels is None else np.asarray(labels)
    if not np.array_equal(np.sort(order, axis=None), np.arange(num_classes)):
        raise ValueError(
            f"labels must name each of the {num_classes} classes once, not {labels}; give the "
            "label of each of the file's logits."
        )
    path = pathlib.Path(path).expanduser()
    file = open_torch_file(path)
    found = _fitting(path, file, name, num_classes, key)
    wanted = {usual: found.state_dict.tensors[theirs] for usual, theirs in found.names.items()}
    arrays = guarded(path, lambda: file.read(wanted))

    def take(place, _):
        usual = torch_name(name, place)
        array = in_our_axes(arrays[usual])
        if usual.startswith("fc."):
            array = array[..., np.argsort(order)]
        return jnp.asarray(np.asarray(array, np.float32))

    return jax.tree_util.tree_map_with_path(take, expected_variables(name, num_classes))


def _fitting(
    path: pathlib.Path, file: TorchFile, name: str, num_classes: int, key: str | None
) -> _Attempt:
    """Finds the only part of a file that fits a network."""
    found = find_state_dicts(file.content)
    if file.scripted or (found.modules and not found.state_dicts):
        raise WeightsError(
            f"{path}: holds a whole pickled module, which cannot be read without its code; save "
            "its state_dict() instead."
        )
    if not found.state_dicts:
        raise WeightsError(
            f"{path}: holds no dict of weights; save the network's state_dict() by torch.save."
        )
    parts = _parts(found.state_dicts, name, key)
    if not parts:
        raise WeightsError(
            f"{path}: holds no weights at key {key} (--key); there are some at "
            f"{_listed(one.key for one in found.state_dicts)}."
        )
    attempts = [_attempt(part, torch_shapes(name, num_classes)) for part in parts]
    fitting = _distinct([attempt for attempt in attempts if attempt.mismatch is None])
    if len(fitting) > 1:
        raise WeightsError(
            f"{path}: holds several weights that fit {name}, at "
            f"{_listed(one.state_dict.key for one in fitting)}; name one by key (--key)."
        )
    if fitting:
        return fitting[0]
    best = min(attempts, key=lambda attempt: attempt.differences)
    raise WeightsError(
        f"{path}: holds no weights of {name} ({best.mismatch}); "
        f"{_nearest(found.state_dicts, key, best.differences, name, num_classes)}."
    )


def _parts(state_dicts: list[StateDict], name: str, key: str | None) -> list[StateDict]:
    first = first_weight(name)
    parts = [part for whole in state_dicts for part in under_prefixes(whole, first)]
    return of_key(parts, key)


def _distinct(attempts: list[_Attempt]) -> list[_Attempt]:
    """Removes parts that have the same tensors as an earlier part."""
    distinct: list[_Attempt] = []
    for attempt in attempts:
        tensors = list(attempt.state_dict.tensors.values())
        same = (list(other.state_dict.tensors.values()) for other in distinct)
        if not any(all(map(_is_same, tensors, other)) for other in same):
            distinct.append(attempt)
    return distinct


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other
    return bool(one == other)


def _attempt(part: StateDict, shapes: Mapping[str, tuple[int, ...]]) -> _Attempt:
    """Compares a part of a file with the shapes of a network's arrays."""
    names: dict[str, str] = {}
    mismatches = []
    for theirs in part.tensors:
        usual = usual_name(theirs)
        if usual in names:
            mismatches.append(f"it holds both {names[usual]} and {theirs}")
        names[usual] = theirs
    for usual, shape in shapes.items():
        if usual not in names:
            mismatches.append(f"it lacks {usual}")
            continue
        tensor = part.tensors[names[usual]]
        if tuple(tensor.shape) != shape:
            found = tuple(tensor.shape)
            mismatches.append(f"its {names[usual]} has shape {found}, not {shape}")
        elif not jnp.issubdtype(tensor.dtype, jnp.floating):
            mismatches.append(f"its {names[usual]} holds {tensor.dtype}, not floats")
    unknown = [theirs for usual, theirs in names.items() if usual not in shapes]
    mismatches += [f"nothing here is its {theirs}" for theirs in unknown]
    return _Attempt(part, names, mismatches[0] if mismatches else None, len(mismatches))


def _nearest(
    state_dicts: list[StateDict], key: str | None, differences: int, name: str, num_classes: int
) -> str:
    """Names the network that the weights belong to, or the one that they are closest to."""
    closeness = {}
    for other in MODELS:
        layers = layer_names(other)
        closeness[other] = min(
            len(layers ^ {usual_name(theirs).rpartition(".")[0] for theirs in part.tensors})
            for part in _parts(state_dicts, other, key)
        )
    # Several networks may have the same layer names. Their shapes tell them apart.
    nearest = [other for other in MODELS if closeness[other] == min(closeness.values())]
    best = (differences, name, num_classes)
    for other in nearest:
        for part in _parts(state_dicts, other, key):
            last = next((t for n, t in part.tensors.items() if usual_name(n) == "fc.weight"), None)
            classes = last.shape[0] if last is not None and len(last.shape) == 2 else num_classes
            if classes:
                attempt = _attempt(part, torch_shapes(other, classes))
                best = min(best, (attempt.differences, other, classes), key=lambda one: one[0])
    _, other, classes = best
    if best[0] == 0:
        return f"these are weights of {other} with {classes} classes, so name that network"
    if other == name:
        return "name another network, or another part of the file by key (--key)"
    return f"the nearest network is {other}, which they do not fit either"


def _listed(keys: Any) -> str:
    keys = [key or "the top" for key in dict.fromkeys(keys)]
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return ", ".join(keys[:5]) + more
