"""What a command sets in its process before it works."""

import gc
import io
import subprocess
import sys

import pytest

from selectax.commands.command_line.environment import settle_environment


@pytest.fixture(autouse=True)
def threshold():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_garbage_is_collected_less_often_than_by_default():
    gc.set_threshold(700, 10, 10)
    settle_environment()
    assert gc.get_threshold()[0] >= 10_000
    assert gc.isenabled()


def test_garbage_is_not_searched_for_at_the_end():
    program = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0));"
        "from selectax.commands.command_line.environment import settle_environment;"
        "settle_environment(); assert gc.get_freeze_count() == 0"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout == "True\n", told


def test_streams_replace_what_they_cannot_encode(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    settle_environment()
    print("α = 1", file=stream, flush=True)
    assert stream.buffer.getvalue() == b"? = 1\n"
