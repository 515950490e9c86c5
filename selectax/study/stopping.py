"""Ctrl-C and SIGTERM: at once where nothing is lost, else after a checkpoint."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopped(KeyboardInterrupt):
    """The process was asked to end by a signal, whose number it holds."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def raise_on_signals() -> None:
    """Lets SIGTERM, too, raise an exception in the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise)


@contextmanager
def remembered_signals(tell: Callable[[str], None]) -> Iterator[Callable[[], int]]:
    """Within, the first signal is remembered only; a second one raises `Stopped` at once.

    Args:
      tell: told of the first signal.

    Yields:
      A function that gives the number of the signal, 0 so far.
    """
    received: list[int] = []

    def remember(number, frame):
        if received:
            _raise(number, frame)
        received.append(number)
        tell("Stopping after a checkpoint; once more stops at once.")

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        before = {number: signal.signal(number, remember) for number in numbers}
    except ValueError:
        # Signals reach the main thread alone: elsewhere, as in a notebook's worker, nothing comes.
        yield lambda: 0
        return
    try:
        yield lambda: received[0] if received else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number, frame):
    raise Stopped(number)
