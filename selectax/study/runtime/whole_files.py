"""Files that are written wholly or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def whole_file(
    path: Path, mode: str, *, beside: Path | None = None, **options: Any
) -> Iterator[IO]:
    """A file to write, which takes its place once all of it is on the disk.

    Args:
      path: where it goes; what is there stays until then, and whatever happens before.
      mode: "w" or "wb".
      beside: where it is written; by default the path with the suffix .partial.
      options: further arguments of `open`.
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
