"""Ctrl-C and a cluster's signals: at once where nothing is lost, else after a checkpoint."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# Clusters give notice of a preemption by these; a platform may lack some.
_NOTICES = ("SIGUSR1", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """The process was asked to end by a signal, whose number it holds."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def raise_on_signals() -> None:
    """Lets SIGTERM, SIGUSR1 and SIGHUP raise an exception in the main thread, as Ctrl-C does.

    SIGUSR1 and SIGHUP stay ignored if they are, as under nohup.
    """
    for number in _handled():
        signal.signal(number, _raise)


@contextmanager
def remembered_signals(tell: Callable[[str], None]) -> Iterator[Callable[[], int]]:
    """Within, the first signal is remembered only; a second one raises `Stopped` at once.

    Notices (SIGUSR1, SIGHUP) never count as the second: systems send them beside SIGTERM.

    Args:
      tell: told of the first signal.

    Yields:
      A function that gives the number of the signal, 0 so far.
    """
    received: list[int] = []

    def remember(number, frame):
        if received:
            if number not in _notices():
                _raise(number, frame)
            return
        received.append(number)
        with suppress(OSError):  # The terminal may be gone.
            tell("Stopping after a checkpoint; once more stops at once.")

    try:
        before = {number: signal.signal(number, remember) for number in _handled()}
    except ValueError:
        # Signals reach the main thread alone: elsewhere, as in a notebook's worker, nothing comes.
        yield lambda: 0
        return
    try:
        yield lambda: received[0] if received else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _notices() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _NOTICES if hasattr(signal, name)]


def _handled() -> list[signal.Signals]:
    heeded = [number for number in _notices() if signal.getsignal(number) != signal.SIG_IGN]
    return [signal.SIGINT, signal.SIGTERM, *heeded]


def _raise(number, frame):
    raise Stopped(number)
