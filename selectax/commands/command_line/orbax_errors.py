"""Silence for what Orbax prints about errors that it also raises."""

import contextlib
import logging
import sys
from collections.abc import Iterator

# Orbax writes checkpoints by tasks of asyncio, and logs by absl.
_LOGGERS = ("absl", "asyncio")


@contextlib.contextmanager
def silent_orbax() -> Iterator[None]:
    """Within, neither Orbax's log nor its abandoned tasks print tracebacks.

    If a write fails, for example because the disk is full, Orbax leaves tasks that refer to a
    closed event loop. Python reports them when it deletes them, and only `sys.unraisablehook` can
    intercept such reports. Log levels and hook are restored at the end.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels, hook = [logger.level for logger in loggers], sys.unraisablehook

    def without_closed_loops(unraisable):
        if "Event loop is closed" not in str(unraisable.exc_value):
            hook(unraisable)

    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        sys.unraisablehook = without_closed_loops
        yield
    finally:
        sys.unraisablehook = hook
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
