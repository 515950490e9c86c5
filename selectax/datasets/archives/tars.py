"""Tar archives read as streams, so that no name found inside one ever becomes a path on disk."""

import gzip
import pathlib
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping

from selectax.datasets.archives.archive import damaged, incomplete, leads_outside, other_layout
from selectax.datasets.archives.members import Member

# Of members that no data set asks for, such as a readme.
_MOST_OTHER_BYTES = 1 << 20


def tar_files(
    path: pathlib.Path,
    most_bytes: Mapping[str, int],
    *,
    known_as: Callable[[str], str] = str,
    all_of_them: bool = True,
) -> Iterator[tuple[str, bytes]]:
    """Name and contents of some files of a tar archive, in the archive's order, in one pass.

    Nothing is written to disk. The archive is read to its end, so that gzip's checksum is compared.

    Args:
      path: of the archive, compressed by gzip or not.
      most_bytes: names of the files, none of which may be there twice, and their largest sizes.
      known_as: from a name in the archive to the name in `most_bytes`.
      all_of_them: whether each of the files must be there.

    Raises:
      DataError: if the archive is truncated or corrupt, lacks a file, holds one twice or larger
        than can be, or has members that no data set needs: links, devices, paths that lead out.
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
                if content is not None:  # as it is of what is no plain file
                    yield name, content.read()
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise damaged(path, error) from error
    if missing and all_of_them:
        raise incomplete(path, f"it lacks {', '.join(sorted(missing))}")


def tar_members(path: pathlib.Path) -> Iterator[Member]:
    """The plain files of an uncompressed tar archive, in order, their contents unread.

    Raises:
      DataError: if the archive is truncated or corrupt, or has members that no data set needs:
        links, devices, paths that lead out of it.
    """
    if _is_compressed(path):
        raise other_layout(path, "it is compressed by gzip")
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                name = _checked_name(path, member)
                if member.isfile():
                    yield Member(name, member.offset_data, member.size, path)
                # Of a million members the list would take gigabytes.
                tar.members.clear()  # type: ignore[attr-defined]  # public, but not in typeshed
    except (tarfile.TarError, EOFError, OSError) as error:
        raise damaged(path, error) from error


def ends_properly(path: pathlib.Path) -> bool:
    """Whether an uncompressed tar archive ends with two empty blocks, as the format demands."""
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
