"""Official archives: how they are found and verified, and the errors of damaged ones."""

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Iterable, Sequence

_HIDDEN = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"}


class DataError(ValueError):
    """An error whose message names the archive or folder, what is wrong with it, and the remedy."""


@dataclasses.dataclass(frozen=True)
class Archive:
    """An archive as its authors publish it.

    Attributes:
      name: file name.
      url: official source.
      size: size in bytes; None if it is not known for certain.
      sha256: checksum, in hexadecimal digits; None if it is not known for certain.
      md5: another checksum, used if `sha256` is not known.
      folder: name of the top folder inside; an extracted copy usually has the same name.
      marks: names of files in that folder, any one of which identifies it.
    """

    name: str
    url: str
    size: int | None
    sha256: str | None
    md5: str | None = None
    folder: str = ""
    marks: tuple[str, ...] = ()

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names under which browsers and wget save the file; the official one first."""
        unpacked = (self.name.removesuffix(".gz"),) if self.name.endswith(".gz") else ()
        return (self.name, *unpacked, f"{self.name}?download=1")


def locate(archives: Sequence[Archive], folder: str | os.PathLike[str]) -> pathlib.Path | None:
    """Path of the first of some archives, or of an extracted copy, whatever its contents.

    Files precede extracted copies. The folder may itself be an extracted copy, or be the path of an
    archive.
    """
    place = pathlib.Path(folder).expanduser()
    file_names = [name for archive in archives for name in archive.file_names]
    if place.is_file():
        return place if place.name in file_names else None
    for name in file_names:
        if (place / name).is_file():
            return place / name
    for archive in archives:
        if archive.folder and (place / archive.folder).is_dir():
            return place / archive.folder
    for archive in archives:
        if any((place / mark).exists() for mark in archive.marks):
            return place
    return None


def find(archives: Archive | Sequence[Archive], folder: str | os.PathLike[str]) -> pathlib.Path:
    """Path of an archive or of an extracted copy in a folder, as `locate` finds it.

    Args:
      archives: the official archive, and others that hold the same data set.
      folder: where to look.

    Raises:
      DataError: the folder does not exist, or contains none of the archives.
    """
    archives = [archives] if isinstance(archives, Archive) else archives
    official = archives[0]
    place = pathlib.Path(folder).expanduser()
    if not place.exists():
        raise DataError(
            f"--archives {place}: no such folder; name the one that holds {official.name}, "
            f"whose official source is {official.url}."
        )
    path = locate(archives, place)
    if path is None:
        kind = "holds no" if place.is_dir() else "is a file, and its name is not"
        raise DataError(
            f"--archives {place}: {kind} {official.name}; get it from its official source, "
            f"{official.url}."
        )
    return path


def is_official(path: pathlib.Path, archives: Iterable[Archive]) -> bool:
    """Whether a file has the checksum of one of some archives.

    Raises:
      DataError: the file cannot be read.
    """
    if path.is_dir():
        return False
    return any(
        sha256(path) == archive.sha256
        if archive.sha256
        else archive.md5 is not None and _checksum(path, "md5") == archive.md5
        for archive in archives
    )


def sha256(path: pathlib.Path) -> str:
    """Checksum of a file, in hexadecimal digits.

    For a folder it covers the path and the names, sizes and times of the files, so that it changes
    if the folder changes.

    Raises:
      DataError: the file cannot be read.
    """
    return _checksum(path, "sha256")


def _checksum(path: pathlib.Path, kind: str) -> str:
    try:
        if path.is_dir():
            return _of_folder(path.resolve())
        state = path.stat()
        return _of_file(path, kind, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise damaged(path, error) from error


@functools.lru_cache
def _of_file(path: pathlib.Path, kind: str, size: int, modified: int) -> str:
    """Cached, because 95 configurations of one large archive are loaded one after another."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _of_folder(path: pathlib.Path) -> str:
    digest = hashlib.sha256(os.fsencode(path))
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            file = os.path.join(folder, name)
            state = os.stat(file)
            digest.update(os.fsencode(f"\0{file}\0{state.st_size}\0{state.st_mtime_ns}"))
    return digest.hexdigest()


def damaged(path: pathlib.Path, reason: object) -> DataError:
    """The error for an archive that differs from what its authors published."""
    # Further lines are advice for programmers.
    reason = str(reason).strip().partition("\n")[0].rstrip(".")
    return DataError(f"{path}: truncated, corrupt or unreadable ({reason}); get a new copy.")


def other_layout(path: pathlib.Path, found: str) -> DataError:
    """The error for an archive whose files are readable, but named or arranged differently."""
    return DataError(
        f"{path}: has another layout than the official archive ({found}); rearrange it or get a "
        "new copy."
    )


def incomplete(path: pathlib.Path, lacks: str) -> DataError:
    """The error for an archive that lacks a part of the data set that is needed."""
    return DataError(
        f"{path}: holds only a part of the data set ({lacks}); add what is missing or get a new "
        "copy."
    )


def leads_outside(name: str) -> bool:
    """Whether the name of a member in an archive is a path to outside of the archive's folder."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or parts[0].endswith(":")


def is_hidden(name: str) -> bool:
    """Whether a file was left by an operating system or an editor, such as `._x` or `.DS_Store`."""
    return any(part in _HIDDEN or part.startswith(".") for part in name.split("/"))
