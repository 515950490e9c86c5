"""Locates and reads the files of an uncompressed archive or of an extracted folder."""

import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from selectax.datasets.archives.archive import damaged


class Member(NamedTuple):
    """Location of a regular file, either inside an uncompressed archive or in a folder.

    Attributes:
      name: the file's name relative to the archive or folder, with forward slashes.
      offset: position of the first byte in the file at `path`.
      size: size in bytes.
      path: path of the file on disk that holds the contents.
    """

    name: str
    offset: int
    size: int
    path: pathlib.Path

    def read(self, size: int = -1) -> bytes:
        """Returns the first `size` bytes of the file, or all of them by default."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size if size < 0 else min(size, self.size))


class Files(Protocol):
    """Access by name to the files of an archive or a folder."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files relative to the archive or folder, with forward slashes."""

    def read(self, name: str) -> bytes:
        """Returns the contents of the named file."""


def folder_members(folder: pathlib.Path) -> Iterator[Member]:
    """Yields the files of a folder and its subfolders. Each folder's files are sorted by name.

    Raises:
      DataError: if a file or folder cannot be read.
    """

    def unreadable(error: OSError):
        raise damaged(folder, error) from error

    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders.sort()
        for name in sorted(names):
            path = pathlib.Path(place, name)
            # Skip pipes: reading one would block.
            if path.is_file():
                yield Member(path.relative_to(folder).as_posix(), 0, path.stat().st_size, path)


class Folder:
    """Reads the files of a folder, each up to a maximum size.

    Attributes:
      names: names relative to the folder, with forward slashes, in the order of `folder_members`.
    """

    def __init__(self, folder: pathlib.Path, most_bytes: int):
        self._folder, self._most_bytes = folder, most_bytes
        self._members = {member.name: member for member in folder_members(folder)}
        self.names = tuple(self._members)

    def read(self, name: str) -> bytes:
        """Returns the contents of a file.

        Raises:
          DataError: if the file cannot be read or exceeds the maximum size.
        """
        member = self._members[name]
        if member.size > self._most_bytes:
            raise damaged(self._folder, f"its {name} has {member.size} bytes")
        try:
            return member.read()
        except OSError as error:
            raise damaged(self._folder, f"its {name}: {error.strerror}") from error
