"""The results table of a running sweep, which is written to its file from time to time."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from selectax.study.run import results

# Sorting and writing the whole table after every measure would add a quarter to the time that it
# takes to measure a small network. A table of 400 networks takes seconds to write, so that a fixed
# pause would not do: writes take at most about a twentieth of the time.
_SECONDS_BETWEEN_WRITES = 5.0
_PAUSE_FOR_EACH_SECOND_OF_WRITING = 20.0


class TableFile:
    """A results table to which rows can be added, and its file."""

    def __init__(self, path: Path | None, table: pd.DataFrame, after: Callable[[], None]):
        self._path, self._table, self._after = path, table, after
        self._pending: list[results.Row] = []
        self._next_write = time.monotonic() + _SECONDS_BETWEEN_WRITES

    def add(self, rows: Iterable[results.Row]) -> None:
        """Adds rows, and writes the file unless it was written a short while ago."""
        self._pending += rows
        if time.monotonic() >= self._next_write:
            self.write()

    def write(self) -> None:
        """Writes the file if rows were added since it was last written."""
        if not self._pending:
            return
        start = time.monotonic()
        self._table = results.merge(self._table, results.table(self._pending))
        self._pending = []
        if self._path is not None:
            results.save(self._path, self._table)
            self._after()
        end = time.monotonic()
        pause = _PAUSE_FOR_EACH_SECOND_OF_WRITING * (end - start)
        self._next_write = end + max(_SECONDS_BETWEEN_WRITES, pause)

    @property
    def table(self) -> pd.DataFrame:
        """The rows that have been written; rows added since then are missing."""
        return self._table


@contextmanager
def growing_table(
    path: Path | None, table: pd.DataFrame, after: Callable[[], None] = lambda: None
) -> Iterator[TableFile]:
    """Opens a results table to which rows can be added, and writes it on exit or exception.

    Args:
      path: file of the table, which is replaced atomically; None on hosts that do not write.
      table: existing rows.
      after: called each time after the file was written.

    Yields:
      The table.
    """
    growing = TableFile(path, table, after)
    try:
        yield growing
    finally:
        growing.write()
