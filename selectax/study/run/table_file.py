"""The results table of a running sweep, which is written to its file every few seconds."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from selectax.study.run import results

# Sorting and writing the whole table after every measure would add a quarter to the time that it
# takes to measure a small network.
_SECONDS_BETWEEN_WRITES = 5.0


class TableFile:
    """A results table to which rows can be added, and its file."""

    def __init__(self, path: Path | None, table: pd.DataFrame, after: Callable[[], None]):
        self._path, self._table, self._after = path, table, after
        self._pending: list[results.Row] = []
        self._written = time.monotonic()

    def add(self, rows: Iterable[results.Row]) -> None:
        """Adds rows, and writes the file if it was last written several seconds ago."""
        self._pending += rows
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Writes the file if rows were added since it was last written."""
        if not self._pending:
            return
        self._table = results.merge(self._table, results.table(self._pending))
        self._pending = []
        if self._path is not None:
            results.save(self._path, self._table)
            self._after()
        self._written = time.monotonic()

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
