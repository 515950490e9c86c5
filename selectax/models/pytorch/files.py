"""Reads PyTorch's weight files without PyTorch and without executing any code in them.

A file written by `torch.save` consists of a pickle and the raw bytes that it refers to. Both are in
a zip archive or, before PyTorch 1.6, one after the other. The first bytes of a file, not its name,
determine its kind.

References:
  PyTorch, torch/serialization.py.
  safetensors, https://github.com/huggingface/safetensors, "Format".
"""

import io
import math
import os
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from selectax.models.pytorch.pickles import Tensor, Unpickler

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_LEGACY_START = b"\x80\x02\x8a\x0a" + _LEGACY_MAGIC.to_bytes(10, "little")
# Maximum size of a pickle that describes tensors without containing them.
_MOST_PICKLE_BYTES = 64 << 20
# First bytes of other kinds of files that are mistaken for weight files, and the remedies.
_OTHER_KINDS = {
    b"version https://git-lfs": "is a pointer of Git LFS and not the weights; run git lfs pull",
    b"<": "is a web page or XML; download the weights themselves",
    b"\x1f\x8b": "is compressed by gzip; unpack it first",
    b"\x89HDF": "is an HDF5 file, such as Keras's; give a file of torch.save or safetensors",
}


class WeightsError(ValueError):
    """Weights cannot be read. The message names the file, the problem and the remedy."""


class TorchFile(NamedTuple):
    """Contents of a weight file.

    Attributes:
      content: containers, tensors whose values have not been read, and inert objects.
      read: maps a dict of such tensors to a dict of their arrays.
      scripted: whether the file is a TorchScript archive.
    """

    content: Any
    read: Callable[[Mapping[str, Any]], dict[str, np.ndarray]]
    scripted: bool = False


def open_torch_file(path: str | os.PathLike[str]) -> TorchFile:
    """Opens a weight file without reading the values of its tensors yet.

    Args:
      path: path of a file written by safetensors or `torch.save`.

    Raises:
      WeightsError: if the file is missing, damaged or of another kind.
    """
    path = pathlib.Path(path).expanduser()
    return guarded(path, lambda: _open(path))


def guarded(path: pathlib.Path, work: Callable[[], Any]) -> Any:
    """Calls a function that reads a file, and converts its exceptions.

    Raises:
      WeightsError: if the function fails. The message is one sentence about the file.
    """
    try:
        return work()
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror or error}); name a file with weights."
        ) from error
    # Unpickling a damaged file can raise any exception.
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise WeightsError(
            f"{path}: truncated or corrupt ({reason or type(error).__name__}); "
            "get a new copy of this file of torch.save or safetensors."
        ) from error


def _open(path: pathlib.Path) -> TorchFile:
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(64)
    if start.startswith(b"PK\x03\x04"):
        return _open_zip(path)
    if start.startswith(_LEGACY_START):
        return _open_legacy(path)
    if start[8:9] == b"{":
        (header,) = struct.unpack("<Q", start[:8])
        if header < 1 << 32:
            if size < 8 + header:
                raise pickle.UnpicklingError("the file ends within its header")
            return TorchFile(safetensors.numpy.load_file(path), dict)
    reasons = [reason for kind, reason in _OTHER_KINDS.items() if start.startswith(kind)]
    if not start:
        reasons = ["is empty; give a file of torch.save or safetensors"]
    elif start[:1] == b"\x80" and 1 < start[1] <= pickle.HIGHEST_PROTOCOL and len(start) > 14:
        reasons = ["is a pickle, but not of torch.save or safetensors; save with torch.save"]
    other = "is not a torch.save or safetensors file, or its beginning is missing; give one"
    raise WeightsError(f"{path}: {(reasons or [other])[0]}.")


def _array(tensor: Tensor, content: bytes) -> np.ndarray:
    numbers = np.frombuffer(content, tensor.storage.dtype, tensor.storage.numel)
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    if math.prod(tensor.shape) == 0:
        return np.zeros(tensor.shape, numbers.dtype)
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, strides, writeable=False
    ).copy()


def _open_zip(path: pathlib.Path) -> TorchFile:
    if not zipfile.is_zipfile(path):
        raise pickle.UnpicklingError("the archive has no end")
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        if "data.pkl" not in members:
            raise WeightsError(
                f"{path}: is a zip archive, but not of torch.save; unpack it, or give a file of "
                "torch.save or safetensors."
            )

        def read_member(archive, name, most_bytes):
            info = members[name]
            # torch.save does not compress, so a member cannot be larger than the file.
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > most_bytes:
                raise pickle.UnpicklingError(f"its member {name} is compressed or too large")
            return archive.read(info)

        if "byteorder" in members and read_member(archive, "byteorder", 16) != b"little":
            raise WeightsError(
                f"{path}: its values are not little-endian; save it on a little-endian machine."
            )
        pickled = io.BytesIO(read_member(archive, "data.pkl", _MOST_PICKLE_BYTES))

    def read(tensors):
        with zipfile.ZipFile(path) as archive:
            most_bytes = path.stat().st_size
            return {
                name: _array(tensor, read_member(archive, f"data/{tensor.storage.key}", most_bytes))
                for name, tensor in tensors.items()
            }

    return TorchFile(Unpickler(pickled).load(), read, scripted="constants.pkl" in members)


def _open_legacy(path: pathlib.Path) -> TorchFile:
    with open(path, "rb") as file:
        if Unpickler(file).load() != _LEGACY_MAGIC or Unpickler(file).load() != _LEGACY_PROTOCOL:
            raise pickle.UnpicklingError("it does not begin as a file of torch.save")
        if not Unpickler(file).load()["little_endian"]:
            raise WeightsError(
                f"{path}: its values are not little-endian; save it on a little-endian machine."
            )
        unpickler = Unpickler(file)
        content = unpickler.load()
        contents = {}
        for key in Unpickler(file).load():
            if key not in unpickler.dtypes:
                raise WeightsError(
                    f"{path}: has values of an unsupported type, such as quantized ones; save the "
                    "weights as float32."
                )
            (numel,) = struct.unpack("<q", file.read(8))
            size = numel * unpickler.dtypes[key].itemsize
            contents[key] = file.read(size)
            if len(contents[key]) != size:
                raise pickle.UnpicklingError("the file ends within a storage")

    def read(tensors):
        return {
            name: _array(tensor, contents[tensor.storage.key]) for name, tensor in tensors.items()
        }

    return TorchFile(content, read)
