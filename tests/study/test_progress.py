"""Progress: a line per part where the output is no terminal, a live line where it is one."""

import io
import re

import pytest
from rich.console import Console

from selectax.study import progress
from selectax.study.progress import stage


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def reported(clock, seconds, *, terminal=False, total=4, done=0, parts=2):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    with stage(console, "Training 6 networks, epoch", total=total, done=done) as under_way:
        for part in range(parts):
            clock[0] += seconds
            under_way.advance(f"loss {part}.5  accuracy 0.9", 3000)
    return stream.getvalue()


def test_without_a_terminal_each_part_is_a_line(clock):
    lines = reported(clock, seconds=2).split("\n")
    assert lines == [
        "Training 6 networks, epoch 1/4  loss 0.5  accuracy 0.9  1,500 images/s  0:00:06 left",
        "Training 6 networks, epoch 2/4  loss 1.5  accuracy 0.9  1,500 images/s  0:00:04 left",
        "",
    ]


def test_a_resumed_stage_counts_on(clock):
    (line, _) = reported(clock, seconds=2, total=4, done=3, parts=1).split("\n")
    assert "epoch 4/4" in line
    assert "0:00:00 left" in line


def test_days_left_are_not_lost(clock):
    assert "  1 day, 1:00:00 left\n" in reported(clock, seconds=25 * 3600, total=2, parts=1)


def test_without_parts_nothing_is_said(clock):
    assert reported(clock, seconds=1, parts=0) == ""


def test_in_a_terminal_a_live_line_shows_the_last_part(clock):
    text = reported(clock, seconds=2, terminal=True)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    last = [line for line in re.split(r"[\r\n]+", plain) if line.strip()][-1]
    for part in ("Training 6 networks, epoch", "2/4", "loss 1.5", "1,500 images/s"):
        assert part in last
    assert " left" not in plain
