"""Official archives: found in a folder, and told from others by checksum."""

import dataclasses
import functools
import hashlib
import os
import pathlib


class DataError(ValueError):
    """A sentence that names the archive or folder, what is wrong with it, and the remedy."""


@dataclasses.dataclass(frozen=True)
class Archive:
    """An archive as its authors publish it.

    Attributes:
      name: of the file.
      url: its official source.
      size: in bytes; None where it is not known for sure.
      sha256: checksum, in hexadecimal digits; None where it is not known for sure.
    """

    name: str
    url: str
    size: int | None
    sha256: str | None


def find(archive: Archive, folder: str | os.PathLike[str]) -> pathlib.Path:
    """The archive's path in a folder, whatever its contents.

    Raises:
      DataError: if there is no such folder, or no file of the official name in it.
    """
    folder = pathlib.Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"--archives {folder}: no such folder; name the one that holds {archive.name}, "
            f"whose official source is {archive.url}."
        )
    path = folder / archive.name
    if not path.is_file():
        raise DataError(
            f"--archives {folder}: holds no {archive.name}; get it from its official source, "
            f"{archive.url}."
        )
    return path


def sha256(path: pathlib.Path) -> str:
    """Checksum of a file, in hexadecimal digits.

    Raises:
      DataError: if the file cannot be read.
    """
    try:
        state = path.stat()
        return _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise damaged(path, error) from error


@functools.lru_cache
def _sha256(path: pathlib.Path, size: int, modified: int) -> str:
    """Once for a state of a file: 95 parts of an archive of gigabytes are loaded one by one."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(path: pathlib.Path, reason: object) -> DataError:
    """The error of an archive that cannot be what its authors published."""
    # Libraries add advice in further lines, which is not for the archive's owner.
    reason = str(reason).strip().partition("\n")[0].rstrip(".")
    return DataError(f"{path}: truncated, corrupt or unreadable ({reason}); get a new copy.")


def leads_outside(name: str) -> bool:
    """Whether the name of a member, as it stands in the archive, leads out of a folder."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or parts[0].endswith(":")
