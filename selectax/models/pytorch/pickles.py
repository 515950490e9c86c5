"""Reads the pickles inside PyTorch's files without executing any code in them.

A pickle is a program that can call any function by name. This reader accepts only a few names, for
tensors and ordinary containers. Any other name gives an inert object, which only stores its state,
so that schedulers, paths or settings saved with the weights do no harm.

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
    """An array of values that tensors are views of."""

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
        """The dtype of the tensor's values."""
        return self.storage.dtype


class Inert:
    """Replaces an object of an unknown class. It stores the object's contents and does nothing.

    Attributes:
      origin: dotted name of the class or function in the pickle.
      state: the state that the object would be restored from.
      items: the items set by key, if the object is a kind of dict.
    """

    origin = ""

    def __new__(cls, *_: Any, **__: Any) -> "Inert":
        """Ignores its arguments."""
        made = super().__new__(cls)
        made.state, made.items = None, {}
        return made

    def __init__(self, *_: Any, **__: Any):
        self.state: Any
        self.items: dict[Any, Any]

    def __call__(self, *_: Any, **__: Any) -> "Inert":
        """Replaces a call of the object by another inert object."""
        return Inert()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, _: Any) -> None:
        """Ignores members of a list or set."""

    extend = add = update = append


class _Known:
    """A function that a pickle may call. It has no attributes that the pickle could set."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, _: Any) -> None:
        raise pickle.UnpicklingError("it changes a function")


class Unpickler(pickle.Unpickler):
    """Rebuilds tensors and containers, and replaces all other objects by inert ones."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.dtypes: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Returns the type, function or inert class for a name in the pickle."""
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
        # Create a new class each time, because a pickle may set attributes of a class.
        return type("Inert", (Inert,), {"origin": f"{module}.{name}"})

    def persistent_load(self, identity: Any) -> Any:
        """Resolves a reference to a storage or to a class saved with its source code."""
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
    """Rebuilds a tensor after checking that it lies inside its storage."""
    if not isinstance(storage, Storage):
        return Inert()
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    inside = 0 in shape or (last < storage.numel and math.prod(shape) <= storage.numel)
    if min(offset, *shape, *strides, 0) < 0 or not inside:
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} leaves its storage")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_subclass(function, _, arguments, *__):
    """Rebuilds a tensor of a subclass and ignores its extra attributes."""
    return function(*arguments) if isinstance(function, _Known) else Inert()
