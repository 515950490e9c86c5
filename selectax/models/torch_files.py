"""Arrays from PyTorch's weight files, without PyTorch and without running what is in them.

A file of `torch.save` is a pickle that refers to raw bytes, in a zip archive or, before PyTorch
1.6, one after the other. A pickle is a program that may call any function by name: here the names
that make tensors and ordinary containers are known, and every other is refused before it is called.

References:
  PyTorch, torch/serialization.py and torch/_weights_only_unpickler.py.
"""

import collections
import io
import math
import os
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np
import safetensors.numpy

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
# Of a pickle that describes tensors without holding them.
_MOST_PICKLE_BYTES = 64 << 20


class WeightsError(ValueError):
    """A sentence that names the weight file, what is wrong with it, and the remedy."""


class _Storage(NamedTuple):
    """Raw numbers that tensors are views of."""

    dtype: np.dtype
    key: str
    numel: int


class _Tensor(NamedTuple):
    """A view of a storage whose bytes may still have to be read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a PyTorch state dict by name, without prefixes "module.".

    Args:
      path: a safetensors file (by its suffix), or one of `torch.save` that holds a state dict or a
        dict with one under "state_dict".

    Raises:
      WeightsError: there is no such file, it is damaged, or it holds something else than weights.
    """
    path = pathlib.Path(path).expanduser()
    try:
        if path.suffix == ".safetensors":
            arrays = safetensors.numpy.load_file(path)
        elif zipfile.is_zipfile(path):
            arrays = _read_zip(path)
        else:
            arrays = _read_legacy(path)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror or error}); name a file with weights."
        ) from error
    # Unpickling damaged bytes may raise anything.
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise WeightsError(
            f"{path}: truncated, corrupt or no weight file ({reason or type(error).__name__}); "
            "give a file of torch.save or safetensors."
        ) from error
    return {name.removeprefix("module."): array for name, array in arrays.items()}


class _Unpickler(pickle.Unpickler):
    """Knows the functions and classes that a state dict needs, and no others."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.dtypes: dict[str, Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may call."""
        if module == "torch" and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        known: dict[tuple[str, str], Callable] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights do not need")
        return known[module, name]

    def persistent_load(self, identity: Any) -> _Storage:
        """A reference to raw numbers."""
        kind, dtype, key, _, numel, *view = identity
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(view):
            raise pickle.UnpicklingError("it refers to something else than a storage")
        self.dtypes[str(key)] = dtype
        return _Storage(dtype, str(key), int(numel))


def _rebuild_tensor(storage, offset, shape, strides, *_) -> _Tensor:
    """A tensor that lies inside its storage, beside which there is foreign memory."""
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    inside = 0 in shape or (last < storage.numel and math.prod(shape) <= storage.numel)
    if min(offset, *shape, *strides, 0) < 0 or not inside:
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} leaves its storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _tensors(content: Any) -> dict[str, _Tensor]:
    """The state dict's tensors, whatever else the file holds."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise pickle.UnpicklingError("it holds no dict of weights")
    tensors = {name: value for name, value in content.items() if isinstance(value, _Tensor)}
    if not tensors:
        raise pickle.UnpicklingError("its dict holds no weights")
    return tensors


def _array(tensor: _Tensor, content: bytes) -> np.ndarray:
    numbers = np.frombuffer(content, tensor.storage.dtype, tensor.storage.numel)
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    if math.prod(tensor.shape) == 0:
        return np.zeros(tensor.shape, numbers.dtype)
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, strides, writeable=False
    ).copy()


def _read_zip(path: pathlib.Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}

        def read(name, most_bytes):
            info = members[name]
            # torch.save does not compress, so a member cannot be larger than the file.
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > most_bytes:
                raise pickle.UnpicklingError(f"its member {name} is compressed or too large")
            return archive.read(info)

        if "byteorder" in members and read("byteorder", 16) != b"little":
            raise pickle.UnpicklingError("its numbers are not little-endian")
        pickled = io.BytesIO(read("data.pkl", _MOST_PICKLE_BYTES))
        return {
            name: _array(tensor, read(f"data/{tensor.storage.key}", path.stat().st_size))
            for name, tensor in _tensors(_Unpickler(pickled).load()).items()
        }


def _read_legacy(path: pathlib.Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        if _Unpickler(file).load() != _LEGACY_MAGIC or _Unpickler(file).load() != _LEGACY_PROTOCOL:
            raise pickle.UnpicklingError("it does not begin as a file of torch.save")
        if not _Unpickler(file).load()["little_endian"]:
            raise pickle.UnpicklingError("its numbers are not little-endian")
        unpickler = _Unpickler(file)
        tensors = _tensors(unpickler.load())
        contents = {}
        for key in _Unpickler(file).load():
            (numel,) = struct.unpack("<q", file.read(8))
            contents[key] = file.read(numel * unpickler.dtypes[key].itemsize)
    return {name: _array(tensor, contents[tensor.storage.key]) for name, tensor in tensors.items()}
