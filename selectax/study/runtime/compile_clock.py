"""Measures the time that JAX spends on compilation."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

_COMPILATION = "/jax/core/compile/"


class CompileClock:
    """Records the intervals in which JAX traced, lowered or compiled a function."""

    def __init__(self) -> None:
        self._intervals: list[tuple[float, float]] = []

    def heard(self, event: str, duration_secs: float, **_: Any) -> None:
        """Records a `jax.monitoring` event, which JAX sends at the end of the measured work."""
        if event.startswith(_COMPILATION):
            now = time.monotonic()
            self._intervals.append((now - duration_secs, now))

    def seconds(self, since: float) -> float:
        """Returns the number of seconds since `since` during which JAX was compiling.

        Traced functions are nested, so overlapping intervals are counted once. The recorded
        intervals are then discarded.

        Args:
          since: time of `time.monotonic`.
        """
        compiled, end = 0.0, since
        for begin, finish in sorted(self._intervals):
            compiled += max(0.0, finish - max(begin, end))
            end = max(end, finish)
        # Later calls only ask about later times.
        self._intervals = []
        return compiled


@contextmanager
def compile_clock() -> Iterator[CompileClock]:
    """Yields a clock that records all compilation until the context exits."""
    clock = CompileClock()
    jax.monitoring.register_event_duration_secs_listener(clock.heard)
    try:
        yield clock
    finally:
        jax.monitoring.unregister_event_duration_listener(clock.heard)
