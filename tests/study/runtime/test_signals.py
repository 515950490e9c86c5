"""Signals end a run: at once, or where work would be lost after a checkpoint."""

import os
import signal

import pytest

from selectax.study.runtime.signals import Stopped, raise_on_signals, remembered_signals

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers_as_before():
    before = {number: signal.getsignal(number) for number in ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ALL)
def test_a_signal_ends_the_run(number):
    signal.signal(number, signal.SIG_DFL)
    raise_on_signals()
    with pytest.raises(Stopped) as stopped:
        os.kill(os.getpid(), number)
    assert stopped.value.number == number


@pytest.mark.parametrize("number", ALL)
def test_the_first_signal_is_remembered_and_told(number):
    told = []
    signal.signal(number, signal.SIG_DFL)
    with remembered_signals(told.append) as signalled:
        assert signalled() == 0
        os.kill(os.getpid(), number)
        assert signalled() == number
        assert len(told) == 1
        for notice in (signal.SIGUSR1, signal.SIGHUP):  # sent beside SIGTERM: no second request
            os.kill(os.getpid(), notice)
        assert signalled() == number
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(number) == signal.SIG_DFL


def test_a_terminal_that_is_gone_does_not_matter():
    def gone(_):
        raise OSError(5, os.strerror(5))

    with remembered_signals(gone) as signalled:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signalled() == signal.SIGTERM


def test_under_nohup_hanging_up_is_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise_on_signals()
    with remembered_signals(print) as signalled:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signalled() == 0
    os.kill(os.getpid(), signal.SIGHUP)
