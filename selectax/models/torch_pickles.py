"""The pickles inside PyTorch's files, read without running anything that they name.

A pickle is a program that may call any function by name. Here a few names rebuild tensors and
ordinary containers. Every other name gives an inert object, which keeps what it is given and does
nothing, so that schedulers, paths or settings beside the weights do no harm.

References:
  PyTorch, torch/serialization.py and torch/_weights_only_unpickler.py.
"""

import collections
import math
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "ComplexDoubleStorage": np.complex128,
    "ComplexFloatStorage": np.complex64,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class Storage(NamedTuple):
    """Raw numbers that tensors are views of."""

    dtype: np.dtype
    key: str
    numel: int


class Tensor(NamedTuple):
    """A view of a storage whose bytes have not been read yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """Of its numbers."""
        return self.storage.dtype


class Inert:
    """In the place of an object of an unknown class: keeps its content and does nothing.

    Attributes:
      origin: dotted name of the class or function that the pickle asks for.
      state: what the object would be restored from.
      items: what is set by key, if the object is a kind of dict.
    """

    origin = ""

    def __new__(cls, *_: Any, **__: Any) -> "Inert":
        """Takes any arguments, such as those of a function, and ignores them."""
        made = super().__new__(cls)
        made.state, made.items = None, {}
        return made

    def __init__(self, *_: Any, **__: Any):
        self.state: Any
        self.items: dict[Any, Any]

    def __call__(self, *_: Any, **__: Any) -> "Inert":
        """What a function that another function returned would return."""
        return Inert()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, _: Any) -> None:
        """Members of a list or set do not matter."""

    extend = add = update = append


class _Known:
    """A function that a pickle may call; without attributes that the pickle could set."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, _: Any) -> None:
        raise pickle.UnpicklingError("it changes a function")


class Unpickler(pickle.Unpickler):
    """Rebuilds tensors and containers; all else becomes inert."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.dtypes: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may call."""
        if module in ("torch", "torch.cuda") and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        known: dict[tuple[str, str], Callable] = {
            ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _first,
            ("torch._utils", "_rebuild_parameter_with_state"): _first,
            ("torch._tensor", "_rebuild_from_type_v2"): _rebuild_subclass,
        }
        if (module, name) in known:
            return _Known(known[module, name])
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        # A class of its own each time, because a pickle may set a class's attributes.
        return type("Inert", (Inert,), {"origin": f"{module}.{name}"})

    def persistent_load(self, identity: Any) -> Any:
        """A reference to raw numbers, or to the source of a class."""
        if isinstance(identity, tuple) and identity and identity[0] == "module":
            return identity[1]
        kind, dtype, key, _, numel, *view = identity
        if kind != "storage" or any(view):
            raise pickle.UnpicklingError("it refers to something else than a storage")
        if not isinstance(dtype, np.dtype):
            return Inert()
        self.dtypes[str(key)] = dtype
        return Storage(dtype, str(key), int(numel))


def _first(value, *_):
    return value


def _rebuild_tensor(storage, offset, shape, strides, *_):
    """A tensor that lies inside its storage, beside which there is foreign memory."""
    if not isinstance(storage, Storage):
        return Inert()
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    inside = 0 in shape or (last < storage.numel and math.prod(shape) <= storage.numel)
    if min(offset, *shape, *strides, 0) < 0 or not inside:
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} leaves its storage")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_subclass(function, _, arguments, *__):
    """A tensor with attributes of its own, which do not matter."""
    return function(*arguments) if isinstance(function, _Known) else Inert()
