"""Handling of Ctrl-C and cluster signals: stop at once, or after the next checkpoint."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# Clusters announce a preemption with these signals; some platforms lack them.
_NOTICES = ("SIGUSR1", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop; `number` is the number of the signal."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def raise_on_signals() -> None:
    """Makes Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP raise `Stopped` in the main thread.

    SIGUSR1 and SIGHUP stay ignored if they already are, for example under nohup.
    """
    for number in _handled():
        signal.signal(number, _raise)


@contextmanager
def remembered_signals(tell: Callable[[str], None]) -> Iterator[Callable[[], int]]:
    """Records the first signal without stopping; a second signal raises `Stopped` at once.

    SIGUSR1 and SIGHUP never count as the second signal, because clusters send them together with
    SIGTERM.

    Args:
      tell: called with a sentence when the first signal arrives.

    Yields:
      A function that returns the number of the received signal, or 0 if there was none.
    """
    received: list[int] = []

    def remember(number, frame):
        if received:
            if number not in _notices():
                _raise(number, frame)
            return
        received.append(number)
        with suppress(OSError):  # The terminal may be closed.
            tell("Stopping after the next checkpoint; press Ctrl-C again to stop now.")

    try:
        before = {number: signal.signal(number, remember) for number in _handled()}
    except ValueError:
        # Only the main thread can handle signals. This is another thread, such as a notebook's.
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
