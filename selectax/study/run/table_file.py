"""The results table of a run while it grows, and its file."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from selectax.study.run import results

# Sorting and writing the whole table after every measure would take a quarter of the time that
# measuring a small network takes.
_SECONDS_BETWEEN_WRITES = 5.0


class TableFile:
    """A table that takes more rows; its file is at most a few seconds behind."""

    def __init__(self, path: Path | None, table: pd.DataFrame, after: Callable[[], None]):
        self._path, self._table, self._after = path, table, after
        self._pending: list[results.Row] = []
        self._written = time.monotonic()

    def add(self, rows: Iterable[results.Row]) -> None:
        """Adds rows, and writes the file if that was not done for a few seconds."""
        self._pending += rows
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Writes the file, unless nothing was added since it was written."""
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
        """What was written."""
        return self._table


@contextmanager
def growing_table(
    path: Path | None, table: pd.DataFrame, after: Callable[[], None] = lambda: None
) -> Iterator[TableFile]:
    """A table that takes more rows, written at the end even if an exception ends the work.

    Args:
      path: its file, which is replaced as a whole; None on hosts that write none.
      table: what is there already.
      after: is called each time that the file was written.
    """
    growing = TableFile(path, table, after)
    try:
        yield growing
    finally:
        growing.write()
