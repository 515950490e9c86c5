"""Reads tar archives without extracting them. No name inside an archive becomes a path on disk."""

import gzip
import pathlib
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping

from selectax.datasets.archives.archive import damaged, incomplete, leads_outside, other_layout
from selectax.datasets.archives.members import Member

# Largest size of a member that no data set uses, such as a readme.
_MOST_OTHER_BYTES = 1 << 20


def tar_files(
    path: pathlib.Path,
    most_bytes: Mapping[str, int],
    *,
    known_as: Callable[[str], str] = str,
    all_of_them: bool = True,
) -> Iterator[tuple[str, bytes]]:
    """Yields the names and contents of selected files of a tar archive, in one pass.

    The files come in the archive's order, and nothing is written to disk. The archive is read to
    its end so that gzip's checksum is verified.

    Args:
      path: path of the archive, gzip-compressed or not.
      most_bytes: names of the selected files, with the maximum size of each in bytes.
      known_as: maps a name in the archive to the name in `most_bytes`.
      all_of_them: whether a missing file is an error.

    Raises:
      DataError: if the archive is truncated or corrupt; if a selected file is missing, occurs
        twice or exceeds its maximum size; or if the archive has links, devices or paths that lead
        outside it.
    """
    missing = set(most_bytes)
    opened = gzip.open if _is_compressed(path) else open
    try:
        with opened(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                name = known_as(_checked_name(path, member))
                if member.size > most_bytes.get(name, _MOST_OTHER_BYTES):
                    raise damaged(path, f"its member {name} would have {member.size} bytes")
                if name not in most_bytes:
                    continue
                if name not in missing:
                    raise damaged(path, f"it holds {name} twice")
                missing.remove(name)
                content = tar.extractfile(member)
                if content is not None:  # None for a folder
                    yield name, content.read()
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise damaged(path, error) from error
    if missing and all_of_them:
        raise incomplete(path, f"it lacks {', '.join(sorted(missing))}")


def tar_members(path: pathlib.Path) -> Iterator[Member]:
    """Yields the regular files of an uncompressed tar archive, in order, without their contents.

    Raises:
      DataError: if the archive is compressed, truncated or corrupt, or has links, devices or paths
        that lead outside it.
    """
    if _is_compressed(path):
        raise other_layout(path, "it is compressed by gzip")
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                name = _checked_name(path, member)
                if member.isfile():
                    yield Member(name, member.offset_data, member.size, path)
                # Otherwise the list takes gigabytes for an archive of a million members.
                tar.members.clear()  # type: ignore[attr-defined]  # public, but not in typeshed
    except (tarfile.TarError, EOFError, OSError) as error:
        raise damaged(path, error) from error


def ends_properly(path: pathlib.Path) -> bool:
    """Returns whether an uncompressed tar archive ends with the two empty blocks of the format."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * tarfile.BLOCKSIZE))
        return not any(file.read())


def _is_compressed(path: pathlib.Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise damaged(path, error) from error


def _checked_name(path: pathlib.Path, member: tarfile.TarInfo) -> str:
    plain = member.isfile() and not member.issparse()
    if leads_outside(member.name) or not (plain or member.isdir()):
        raise damaged(path, f"its member {member.name} is no plain file inside it")
    return posixpath.normpath(member.name)
