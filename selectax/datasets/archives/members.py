"""The files of an uncompressed archive or of an extracted folder, their places and contents."""

import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from selectax.datasets.archives.archive import damaged


class Member(NamedTuple):
    """Where a plain file lies: inside an uncompressed archive, or on its own in a folder.

    Attributes:
      name: relative to the archive or folder, with forward slashes.
      offset: of its first byte in the file at `path`.
      size: in bytes.
      path: of the file on disk that holds it.
    """

    name: str
    offset: int
    size: int
    path: pathlib.Path

    def read(self, size: int = -1) -> bytes:
        """Its first bytes, all by default."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size if size < 0 else min(size, self.size))


class Files(Protocol):
    """Files by name, of an archive or a folder."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names relative to the archive or folder, with forward slashes."""

    def read(self, name: str) -> bytes:
        """Contents of one of the files."""


def folder_members(folder: pathlib.Path) -> Iterator[Member]:
    """The files of a folder and of those below it, in order of their names.

    Raises:
      DataError: if a file or folder cannot be read.
    """

    def unreadable(error: OSError):
        raise damaged(folder, error) from error

    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders.sort()
        for name in sorted(names):
            path = pathlib.Path(place, name)
            # A pipe would block its reader.
            if path.is_file():
                yield Member(path.relative_to(folder).as_posix(), 0, path.stat().st_size, path)


class Folder:
    """The files of a folder, of a limited size each.

    Attributes:
      names: relative to the folder, with forward slashes, in order.
    """

    def __init__(self, folder: pathlib.Path, most_bytes: int):
        self._folder, self._most_bytes = folder, most_bytes
        self._members = {member.name: member for member in folder_members(folder)}
        self.names = tuple(self._members)

    def read(self, name: str) -> bytes:
        """Contents of a file.

        Raises:
          DataError: it cannot be read, or is larger than it can be.
        """
        member = self._members[name]
        if member.size > self._most_bytes:
            raise damaged(self._folder, f"its {name} has {member.size} bytes")
        try:
            return member.read()
        except OSError as error:
            raise damaged(self._folder, f"its {name}: {error.strerror}") from error
