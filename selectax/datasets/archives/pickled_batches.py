"""Reads the pickled batches of CIFAR-10's Python version without executing any code in them.

A pickle is a program that names functions to call. A batch needs only a few names: NumPy's arrays
and types, and bytes. They are replaced by inert objects that only store their arguments. Any other
name raises an error.
"""

import io
import pickle
from typing import Any

import numpy as np

# Allowed element types of an array: bytes for images, and any integer for repacked labels.
_TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")


class _Type:
    """An array's type as stored in a pickle."""

    def __init__(self, code: Any = None, *_: Any):
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def dtype(self) -> np.dtype:
        code = _text(self.code)
        if code not in _TYPES or self.order not in ("|", "<", "=", ">"):
            raise ValueError(f"it has an array of type {code!r}")
        return np.dtype(self.order.replace("|", "<") + code)


class _Array:
    """An array as stored in a pickle."""

    def __init__(self, *_: Any):
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        _, shape, kind, fortran_order, content = self.state
        if not isinstance(content, bytes):
            raise ValueError("it has an array whose contents are no bytes")
        flat = np.frombuffer(content, kind.dtype())
        return flat.reshape(shape, order="F" if fortran_order else "C")


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any) -> _Array:
    if not isinstance(content, bytes | bytearray):
        raise ValueError("it has an array whose contents are no bytes")
    array = _Array()
    array.state = 1, shape, kind, order == "F", bytes(content)
    return array


def _encode(text: Any, _: Any) -> bytes:
    return str(text).encode("latin1")


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


_INERT: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}
for _module in ("numpy.core", "numpy._core"):
    _INERT[f"{_module}.multiarray", "_reconstruct"] = _Array
    _INERT[f"{_module}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Returns the inert object that replaces the named one."""
        if (module, name) not in _INERT:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not executed")
        return _INERT[module, name]


def read_batch(content: bytes) -> dict[str, Any]:
    """Returns a batch's entries by name. They are arrays of integers, lists or bytes.

    Raises:
      ValueError: if the content is not such a pickle. The message is the reason only; the caller
        adds the name of the file.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(batch, dict):
            raise ValueError("it is no dict")
        return {
            _text(name): value.array() if isinstance(value, _Array) else value
            for name, value in batch.items()
        }
    except Exception as error:  # A malformed pickle can raise any exception.
        raise ValueError(str(error).partition("\n")[0] or type(error).__name__) from error
