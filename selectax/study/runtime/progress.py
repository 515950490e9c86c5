"""Progress messages: a live line in a terminal, otherwise one line for each part, or JSON."""

import dataclasses
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

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
# In seconds: shortest duration of a part, and shortest compilation that is reported.
_SHORTEST = 1e-3
_WORTH_TELLING = 0.5


@dataclasses.dataclass(frozen=True)
class Log:
    """Prints warnings and progress to a console, as text or as JSON.

    Attributes:
      console: where messages are printed.
      options: whether progress is printed, and whether messages are JSON.
    """

    console: Console
    options: LogOptions = _TOLD

    def warn(self, sentence: str) -> None:
        """Prints a warning, even if `quiet` is set."""
        if self.options.log_json:
            self.write("warning", message=sentence)
        else:
            self.console.print(sentence, soft_wrap=True)

    def write(self, event: str, **fields: Any) -> None:
        """Writes an event as one line of JSON; NaN and infinity are written as null."""
        line = {name: _plain(value) for name, value in {"event": event, **fields}.items()}
        self.console.out(json.dumps(line, allow_nan=False), highlight=False)


class Part(NamedTuple):
    """A part of the work that is done.

    Attributes:
      news: results of the part, as text for the console.
      images: number of images that were processed.
      figures: results of the part by name, for JSON.
    """

    news: str
    images: int
    figures: Mapping[str, Any]


class Stage:
    """Reports the progress of work that consists of equal parts."""

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
        """Reports that a part is done; the arguments are the fields of `Part`."""
        self.advance_together([Part(news, images, figures)])

    def advance_together(self, parts: Sequence[Part]) -> None:
        """Reports that parts are done, with the speed in images per second and the time left.

        Compilation time is reported separately. It is excluded from the speed and the time left,
        because later parts do not compile again.

        Args:
          parts: parts that were worked on at the same time.
        """
        now = time.monotonic()
        compiling = min(self._compiling.seconds(self._last), now - self._last)
        # Compilation can overlap with other work, so it may seem to take the whole part.
        working = max(now - self._last - compiling, _SHORTEST)
        self._last = now
        rate = sum(part.images for part in parts) / working
        for part in parts:
            self._done += 1
            left = (self._total - self._done) * working / len(parts)
            self._tell(part, rate, compiling, left)
            compiling = 0.0  # told once

    def _tell(self, part: Part, rate: float, compiling: float, left: float) -> None:
        if self._log.options.quiet:
            return
        if self._log.options.log_json:
            counts = {self._event: self._done, f"{self._event}s": self._total}
            speed = {
                "images_per_second": rate,
                "seconds_compiling": compiling,
                "seconds_left": left,
            }
            self._log.write(self._event, **counts, **self._about, **part.figures, **speed)
            return
        news = f"{part.news}  {rate:,.0f} images/s"
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
    """Shows the progress of work in `total` parts, some of which may already be done.

    Args:
      log: where progress is printed.
      title: name of the work, as text for the console.
      total: number of parts.
      event: name of a part, for JSON.
      done: number of parts that are already done.
      about: fields that all events of this work share, for JSON.

    Yields:
      The stage, whose `advance` reports one part.
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
    """Converts NumPy scalars to Python numbers, and NaN and infinity to None, for JSON."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
