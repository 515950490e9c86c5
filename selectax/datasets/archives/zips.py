"""Reads zip archives without extracting them. No name inside an archive becomes a path on disk."""

import contextlib
import pathlib
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from selectax.datasets.archives.archive import damaged, leads_outside

_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, struct.error),
    *(NotImplementedError, RuntimeError, ValueError),  # for encryption and rare compressions
)


class Zip:
    """An open zip archive whose members have been checked.

    Attributes:
      names: names of the regular files, in the archive's order.
    """

    def __init__(self, path: pathlib.Path, members: zipfile.ZipFile, most_bytes: int):
        self._path, self._members, self._most_bytes = path, members, most_bytes
        self._infos: dict[str, Any] = {}
        for info in members.infolist():
            mode = info.external_attr >> 16
            plain = stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR)
            if leads_outside(info.filename) or not plain:
                raise damaged(path, f"its member {info.filename} is no plain file inside it")
            # Some Windows programs write backslashes.
            name = posixpath.normpath(info.filename.replace("\\", "/"))
            if name in self._infos:
                raise damaged(path, f"it holds {info.filename} twice")
            if info.file_size > most_bytes:
                raise damaged(path, f"its member {info.filename} would have {info.file_size} bytes")
            if not info.filename.endswith(("/", "\\")):
                self._infos[name] = info
        self.names = tuple(self._infos)

    def read(self, name: str) -> bytes:
        """Returns the contents of a file after verifying its checksum.

        Raises:
          DataError: if the file is missing, or its contents do not match the archive's directory.
        """
        if name not in self._infos:
            raise damaged(self._path, f"it lacks {name}")
        info = self._infos[name]
        try:
            with self._members.open(info) as file:
                # Read no more than the declared size, even if the compressed stream yields more.
                content = file.read(info.file_size)
        except _ERRORS as error:
            raise damaged(self._path, f"its member {name}: {error}") from error
        if len(content) != info.file_size:
            raise damaged(self._path, f"its member {name} has another size than it declares")
        return content


@contextlib.contextmanager
def open_zip(path: pathlib.Path, most_bytes: int) -> Iterator[Zip]:
    """Opens a zip archive whose members have at most `most_bytes` bytes each.

    Raises:
      DataError: if the archive is truncated or corrupt, if a member occurs twice or exceeds the
        maximum size, or if it has links, devices or paths that lead outside it.
    """
    try:
        members = zipfile.ZipFile(path)
    except _ERRORS as error:
        raise damaged(path, error) from error
    with members:
        yield Zip(path, members, most_bytes)
