"""Progress on the console: a live line in a terminal, else a line per epoch or network."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)


class Stage:
    """Work in equal parts, each of which is reported when it is done."""

    def __init__(self, console: Console, progress: Progress, title: str, total: int, done: int):
        self._console, self._progress, self._title, self._total = console, progress, title, total
        self._task = progress.add_task(title, total=total, completed=done, news="")
        self._last = time.monotonic()
        self._done = done

    def advance(self, news: str, images: int) -> None:
        """Reports one more part done, what came of it, and how fast its images went by."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        self._done += 1
        news = f"{news}  {images / seconds:,.0f} images/s"
        self._progress.update(self._task, completed=self._done, news=news)
        if not self._console.is_terminal:
            left = timedelta(seconds=round((self._total - self._done) * seconds))
            self._console.print(
                f"{self._title} {self._done}/{self._total}  {news}  {left} left", soft_wrap=True
            )


@contextmanager
def stage(console: Console, title: str, *, total: int, done: int = 0) -> Iterator[Stage]:
    """Shows work in `total` parts, of which some may be done already."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[news]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Stage(console, progress, title, total, done)
