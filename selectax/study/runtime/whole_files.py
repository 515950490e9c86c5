"""Atomic writing of files: a file is written completely or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def whole_file(
    path: Path, mode: str, *, beside: Path | None = None, **options: Any
) -> Iterator[IO]:
    """Opens a temporary file that replaces `path` once its content is on the disk.

    Args:
      path: the final path; an existing file is unchanged if the body raises an exception.
      mode: "w" or "wb".
      beside: path of the temporary file, on the same file system; by default, `path` with the
        suffix .partial.
      options: further arguments of `open`.

    Yields:
      The temporary file.
    """
    beside = beside or path.with_suffix(".partial")
    try:
        with beside.open(mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        # Writing to a full disk raises an error that does not name the file.
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
