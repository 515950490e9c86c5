"""State dicts within what a PyTorch file holds: nested, under prefixes, beside other objects."""

import collections
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from selectax.models.torch_pickles import Inert, Tensor

# PyTorch's count of training batches, which a fixed momentum does not use.
_UNUSED = "num_batches_tracked"
# Entries of a file that are looked at, and how deep: optimizers have one for each parameter.
_MOST_ENTRIES = 1_000_000
_DEEPEST = 12


class StateDict(NamedTuple):
    """Tensors by name.

    Attributes:
      key: where in the file they are, such as "state_dict" or "ema.module"; empty at the top.
      tensors: by name, with `shape` and `dtype`.
    """

    key: str
    tensors: dict[str, Any]


class Found(NamedTuple):
    """What a file holds.

    Attributes:
      state_dicts: every dict that holds tensors by name, those near the top first.
      modules: whether whole modules are pickled in the file, too.
    """

    state_dicts: list[StateDict]
    modules: bool


def find_state_dicts(content: Any) -> Found:
    """Looks for dicts of tensors in containers and in inert objects, nearest to the top first."""
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
    """The part of a state dict under each prefix that a network's first weight has in it.

    Args:
      state_dict: such as that of a module that has the network as a part.
      first: name of the network's first weight.

    Yields:
      The parts with names from after the prefix, and the prefix as a part of the key; the whole
      one first if no name has the prefix.
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
    """Those at a key or below it; all of them for None."""
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
    """Whether an object was a whole torch.nn.Module."""
    state = value.state if isinstance(value, Inert) else None
    return isinstance(state, Mapping) and {"_parameters", "_modules"} <= set(state)
