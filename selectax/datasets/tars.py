"""Tar archives read as streams, so that no name found inside one ever becomes a path on disk."""

import gzip
import pathlib
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from selectax.datasets.archives import damaged, leads_outside

# Of members that no data set asks for, such as a readme.
_MOST_OTHER_BYTES = 1 << 20


class Member(NamedTuple):
    """Where a plain file lies in an uncompressed tar archive."""

    name: str
    offset: int
    size: int


def tar_files(path: pathlib.Path, most_bytes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Name and contents of some files of a tar archive, in the archive's order, in one pass.

    Nothing is written to disk. The archive is read to its end, so that gzip's checksum is compared.

    Args:
      path: with the suffix .gz, the archive is compressed.
      most_bytes: names of the files, each of which must be there once, and their largest sizes.

    Raises:
      DataError: if the archive is truncated or corrupt, lacks a file, holds one twice or larger
        than can be, or has members that no data set needs: links, devices, paths that lead out.
    """
    missing = set(most_bytes)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                name = _checked_name(path, member)
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
    if missing:
        raise damaged(path, f"it lacks {', '.join(sorted(missing))}")


def tar_members(path: pathlib.Path) -> Iterator[Member]:
    """The plain files of an uncompressed tar archive, in order, their contents unread.

    Raises:
      DataError: if the archive is truncated or corrupt, or has members that no data set needs:
        links, devices, paths that lead out of it.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                name = _checked_name(path, member)
                if member.isfile():
                    yield Member(name, member.offset_data, member.size)
                # Of a million members the list would take gigabytes.
                tar.members.clear()  # type: ignore[attr-defined]  # public, but not in typeshed
    except (tarfile.TarError, EOFError, OSError) as error:
        raise damaged(path, error) from error


def _checked_name(path: pathlib.Path, member: tarfile.TarInfo) -> str:
    plain = member.isfile() and not member.issparse()
    if leads_outside(member.name) or not (plain or member.isdir()):
        raise damaged(path, f"its member {member.name} is no plain file inside it")
    return posixpath.normpath(member.name)
