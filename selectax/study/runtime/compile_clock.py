"""How much of the time that passes is compilation."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

_COMPILATION = "/jax/core/compile/"


class CompileClock:
    """The intervals in which JAX traced, lowered or compiled."""

    def __init__(self) -> None:
        self._intervals: list[tuple[float, float]] = []

    def heard(self, event: str, duration_secs: float, **_: Any) -> None:
        """Notes an event of `jax.monitoring`, which comes at the end of what it is of."""
        if event.startswith(_COMPILATION):
            now = time.monotonic()
            self._intervals.append((now - duration_secs, now))

    def seconds(self, since: float) -> float:
        """Seconds since a time of the monotonic clock in which something was being compiled.

        Functions are traced within one another, so that durations must not be added up.
        """
        compiled, end = 0.0, since
        for begin, finish in sorted(self._intervals):
            compiled += max(0.0, finish - max(begin, end))
            end = max(end, finish)
        # What lies before is not asked for again.
        self._intervals = []
        return compiled


@contextmanager
def compile_clock() -> Iterator[CompileClock]:
    """A clock that runs within, whenever something is compiled."""
    clock = CompileClock()
    jax.monitoring.register_event_duration_secs_listener(clock.heard)
    try:
        yield clock
    finally:
        jax.monitoring.unregister_event_duration_listener(clock.heard)
