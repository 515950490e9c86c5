"""What Orbax prints about its errors is silenced for a while, and all else is not."""

import logging
import sys
from types import SimpleNamespace

import pytest

from selectax.commands.command_line.orbax_errors import silent_orbax


def test_closed_loops_are_silent_and_other_errors_are_reported(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    closed, other = (
        SimpleNamespace(exc_value=RuntimeError(words)) for words in ("Event loop is closed", "no")
    )
    with silent_orbax():
        sys.unraisablehook(closed)
        sys.unraisablehook(other)
    assert reported == [other]


def failing_write():
    with silent_orbax():
        assert not logging.getLogger("asyncio").isEnabledFor(logging.ERROR)
        raise OSError("full")


def test_hook_and_levels_are_restored_after_an_error():
    before = sys.unraisablehook, logging.getLogger("asyncio").level
    with pytest.raises(OSError, match="full"):
        failing_write()
    assert (sys.unraisablehook, logging.getLogger("asyncio").level) == before
