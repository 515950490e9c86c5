"""What is told of the work: a live line in a terminal, else a line for each part, or JSON."""

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
)

from selectax.study.configuration.options import LogOptions
from selectax.study.runtime.compile_clock import CompileClock, compile_clock

_TOLD = LogOptions()
# Seconds.
_SHORTEST = 1e-3
_WORTH_TELLING = 0.5


@dataclasses.dataclass(frozen=True)
class Log:
    """Tells of warnings and progress on a console, in the manner that is asked for.

    Attributes:
      console: where.
      options: whether progress is told, and whether as JSON.
    """

    console: Console
    options: LogOptions = _TOLD

    def warn(self, sentence: str) -> None:
        """Tells what should not be missed."""
        if self.options.log_json:
            self.write("warning", message=sentence)
        else:
            self.console.print(sentence, soft_wrap=True)

    def write(self, event: str, **fields: Any) -> None:
        """Writes an event as a JSON object on a line of its own; numbers JSON lacks are null."""
        line = {name: _plain(value) for name, value in {"event": event, **fields}.items()}
        self.console.out(json.dumps(line, allow_nan=False), highlight=False)


class Stage:
    """Work in equal parts, each of which is reported when it is done."""

    def __init__(
        self,
        log: Log,
        progress: Progress,
        title: str,
        total: int,
        done: int,
        event: str,
        about: dict[str, Any],
        compiling: CompileClock,
    ):
        self._compiling = compiling
        self._log, self._progress, self._title, self._total = log, progress, title, total
        self._event, self._about = event, about
        self._task = progress.add_task(title, total=total, completed=done, news="", left="")
        self._last = time.monotonic()
        self._done = done

    def advance(self, news: str, images: int, **figures: Any) -> None:
        """Reports one more part done, and how fast its images went by.

        Compilation is told apart: the parts that follow do not compile again.

        Args:
          news: what came of it, for people.
          images: how many were worked on.
          figures: what came of it, by name, for JSON.
        """
        now = time.monotonic()
        compiling = min(self._compiling.seconds(self._last), now - self._last)
        # All of a part may be compilation by the clock, of which some runs beside the work.
        working = max(now - self._last - compiling, _SHORTEST)
        self._last = now
        self._done += 1
        rate, left = images / working, (self._total - self._done) * working
        if self._log.options.quiet:
            return
        if self._log.options.log_json:
            counts = {self._event: self._done, f"{self._event}s": self._total}
            speed = {
                "images_per_second": rate,
                "seconds_compiling": compiling,
                "seconds_left": left,
            }
            self._log.write(self._event, **counts, **self._about, **figures, **speed)
            return
        news = f"{news}  {rate:,.0f} images/s"
        if compiling >= _WORTH_TELLING:
            news = f"{news} after {compiling:.0f} s of compiling"
        left_text = f"{timedelta(seconds=round(left))} left"
        self._progress.update(self._task, completed=self._done, news=news, left=left_text)
        if not self._log.console.is_terminal:
            self._log.console.print(
                f"{self._title} {self._done}/{self._total}  {news}  {left_text}",
                soft_wrap=True,
            )


@contextmanager
def stage(
    log: Log, title: str, *, total: int, event: str, done: int = 0, **about: Any
) -> Iterator[Stage]:
    """Shows work in `total` parts, of which some may be done already.

    Args:
      log: where.
      title: what the work is, for people.
      total: number of parts.
      event: what a part is, for JSON.
      done: number of parts that are done already.
      about: what all its events have in common, by name, for JSON.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[news]}"),
        TextColumn("{task.fields[left]}"),
    )
    live = log.console.is_terminal and not (log.options.quiet or log.options.log_json)
    with (
        Progress(*columns, console=log.console, disable=not live) as progress,
        compile_clock() as compiling,
    ):
        yield Stage(log, progress, title, total, done, event, about, compiling)


def _plain(value: Any) -> Any:
    """Of what JSON has; numbers of NumPy's become Python's."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
