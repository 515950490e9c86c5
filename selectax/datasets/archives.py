"""Official archives: found in a folder, told from others by checksum, read without unpacking."""

import dataclasses
import gzip
import hashlib
import os
import pathlib
import posixpath
import tarfile
import zlib
from collections.abc import Collection, Iterator


class DataError(ValueError):
    """A sentence that names the archive or folder, what is wrong with it, and the remedy."""


@dataclasses.dataclass(frozen=True)
class Archive:
    """An archive as its authors publish it.

    Attributes:
      name: of the file.
      url: its official source.
      size: in bytes.
      sha256: checksum, in hexadecimal digits.
    """

    name: str
    url: str
    size: int
    sha256: str


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
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _damaged(path, error) from error


def tar_files(path: pathlib.Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Name and contents of some files of a tar archive, in the archive's order, in one pass.

    Nothing is written to disk. The archive is read to its end, so that gzip's checksum is compared.

    Args:
      path: with the suffix .gz, the archive is compressed.
      names: of the files, each of which must be there once.

    Raises:
      DataError: if the archive is truncated or corrupt, lacks a file or holds one twice, or has
        members that no data set needs: links, devices, paths that lead out of it.
    """
    missing = set(names)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                name = posixpath.normpath(member.name)
                outside = name.split("/")[0] in ("", "..")
                if outside or not (member.isfile() or member.isdir()):
                    raise _damaged(path, f"its member {member.name} is no plain file inside it")
                if name not in names:
                    continue
                if name not in missing:
                    raise _damaged(path, f"it holds {name} twice")
                missing.remove(name)
                yield name, tar.extractfile(member).read()
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise _damaged(path, error) from error
    if missing:
        raise _damaged(path, f"it lacks {', '.join(sorted(missing))}")


def _damaged(path: pathlib.Path, reason: object) -> DataError:
    return DataError(f"{path}: truncated, corrupt or unreadable ({reason}); get a new copy.")
