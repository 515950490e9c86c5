"""Finds state dicts in a PyTorch file: nested, under prefixes or next to other objects."""

import collections
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from selectax.models.pytorch.pickles import Inert, Tensor

# PyTorch's count of training batches. Batch normalization with a fixed momentum does not use it.
_UNUSED = "num_batches_tracked"
# Limits on the number of entries searched and their depth. Optimizers have entries for each
# parameter.
_MOST_ENTRIES = 1_000_000
_DEEPEST = 12


class StateDict(NamedTuple):
    """Named tensors in a file.

    Attributes:
      key: location in the file, such as "state_dict" or "ema.module"; empty at the top level.
      tensors: objects with `shape` and `dtype`, by name.
    """

    key: str
    tensors: dict[str, Any]


class Found(NamedTuple):
    """Result of a search in a file.

    Attributes:
      state_dicts: all dicts that contain named tensors, starting nearest to the top level.
      modules: whether the file also contains whole pickled modules.
    """

    state_dicts: list[StateDict]
    modules: bool


def find_state_dicts(content: Any) -> Found:
    """Searches containers and inert objects for dicts of tensors, starting at the top level."""
    state_dicts: list[StateDict] = []
    modules, seen, entries = False, set(), 0
    ahead = collections.deque([("", 0, content)])
    while ahead and entries < _MOST_ENTRIES:
        key, depth, value = ahead.popleft()
        if id(value) in seen or depth > _DEEPEST:
            continue
        seen.add(id(value))
        if _is_module(value):
            modules = True
            continue
        tensors = {}
        for name, child in _children(value):
            entries += 1
            if isinstance(child, Tensor | np.ndarray) and isinstance(name, str):
                tensors[name] = child
            elif isinstance(child, dict | list | tuple | Inert) and not isinstance(child, Tensor):
                ahead.append((f"{key}.{name}".lstrip("."), depth + 1, child))
        if tensors and isinstance(value, dict | Inert):
            used = {name: t for name, t in tensors.items() if not name.endswith(_UNUSED)}
            state_dicts.append(StateDict(key, used))
    return Found(state_dicts, modules)


def under_prefixes(state_dict: StateDict, first: str) -> Iterator[StateDict]:
    """Yields the state dict itself, and its part under each prefix of a network's first weight.

    Args:
      state_dict: state dict, for example of a module that contains the network.
      first: name of the network's first weight.

    Yields:
      The whole state dict, then one part for each prefix. In a part, the prefix is removed from the
      names and appended to the key.
    """
    prefixes = [""]
    for name in state_dict.tensors:
        before, found, after = name.rpartition(first)
        if found and not after and before.endswith("."):
            prefixes.append(before)
    for prefix in dict.fromkeys(prefixes):
        key = f"{state_dict.key}.{prefix}".strip(".")
        yield StateDict(
            key,
            {
                name.removeprefix(prefix): tensor
                for name, tensor in state_dict.tensors.items()
                if name.startswith(prefix)
            },
        )


def of_key(state_dicts: list[StateDict], key: str | None) -> list[StateDict]:
    """Returns the state dicts at or below a key, or all of them if the key is None."""
    return [
        one
        for one in state_dicts
        if key is None or one.key == key or one.key.startswith(f"{key.rstrip('.')}.")
    ]


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        # Not value.items(), which a pickle may have set to something else.
        yield from dict.items(value)
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, Inert):
        yield from dict.items(value.items)
        for state in value.state if isinstance(value.state, tuple) else (value.state,):
            if isinstance(state, dict):
                yield from dict.items(state)


def _is_module(value: Any) -> bool:
    """Returns whether an inert object stands for a whole torch.nn.Module."""
    state = value.state if isinstance(value, Inert) else None
    return isinstance(state, Mapping) and {"_parameters", "_modules"} <= set(state)
