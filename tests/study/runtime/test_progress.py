"""Progress: a line per part where the output is no terminal, a live line where it is one."""

import contextlib
import io
import json
import re

import jax
import numpy as np
import pytest
from rich.console import Console

from selectax.study.configuration.options import LogOptions
from selectax.study.runtime import progress
from selectax.study.runtime.progress import Log, Part, stage

TOLD = LogOptions()


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def reported(
    clock, seconds, *, terminal=False, total=4, done=0, parts=2, options=TOLD, warning=None
):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    log, title = Log(console, options), "Training 6 networks, epoch"
    about = {"total": total, "done": done, "event": "epoch", "networks": 6}
    with stage(log, title, **about) as under_way:
        for part in range(parts):
            clock[0] += seconds
            under_way.advance(f"loss {part}.5  accuracy 0.9", 3000, loss=np.float32(part + 0.5))
        if warning is not None:
            log.warn(warning)
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


@contextlib.contextmanager
def half_a_minute_later(clock, total):
    """A stage and what it says, after 30 s, 20 s of them of compiling."""
    stream = io.StringIO()
    log = Log(Console(file=stream), TOLD)
    with stage(log, "Evaluating network", total=total, event="network") as under_way:
        clock[0] += 30
        jax.monitoring.record_event_duration_secs("/jax/core/compile/backend_compile", 20.0)
        yield under_way, stream


def test_compilation_is_not_extrapolated_to_the_parts_that_follow(clock):
    with half_a_minute_later(clock, total=11) as (under_way, stream):
        under_way.advance("accuracy 0.9", 3000)
        clock[0] += 10
        jax.monitoring.record_event_duration_secs("/jax/another/thing", 5.0)
        under_way.advance("accuracy 0.9", 3000)
    first, second = stream.getvalue().splitlines()
    assert first.endswith("0.9  300 images/s after 20 s of compiling  0:01:40 left")
    assert second.endswith("0.9  300 images/s  0:01:30 left")


def test_parts_at_the_same_time_share_their_time(clock):
    """Each would seem to have taken the whole time, or none of it."""
    with half_a_minute_later(clock, total=5) as (under_way, stream):
        under_way.advance_together([Part("alpha -1", 3000, {}), Part("alpha 1", 3000, {})])
    first, second = stream.getvalue().splitlines()
    assert first.endswith("1/5  alpha -1  600 images/s after 20 s of compiling  0:00:20 left")
    assert second.endswith("2/5  alpha 1  600 images/s  0:00:15 left")


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
    assert "0:00:04 left" in last


def test_quietly_only_warnings_are_told(clock):
    for terminal in (False, True):
        options = {"terminal": terminal, "options": LogOptions(quiet=True)}
        assert reported(clock, seconds=2, warning="Odd.", **options) == "Odd.\n"
        assert reported(clock, seconds=2, **options) == ""


def test_as_json_each_part_and_warning_is_an_object(clock):
    options = {"options": LogOptions(log_json=True), "terminal": True}
    text = reported(clock, seconds=2, warning="alpha 1: odd.", **options)
    first, second, warning = map(json.loads, text.splitlines())
    assert first == {
        **{"event": "epoch", "epoch": 1, "epochs": 4, "networks": 6, "loss": 0.5},
        **{"images_per_second": 1500.0, "seconds_compiling": 0.0, "seconds_left": 6.0},
    }
    assert (second["epoch"], second["loss"], second["seconds_left"]) == (2, 1.5, 4.0)
    assert warning == {"event": "warning", "message": "alpha 1: odd."}


def test_quietly_and_as_json_only_warnings_are_objects(clock):
    options = {"options": LogOptions(quiet=True, log_json=True)}
    text = reported(clock, seconds=2, warning="Odd.", **options)
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["warning"]


def test_numbers_that_json_lacks_are_null():
    stream = io.StringIO()
    sentence = "[bold] and “quoted” " + "long " * 50
    Log(Console(file=stream, width=40), LogOptions(log_json=True)).write(
        "epoch", loss=np.float32("nan"), best=float("inf"), message=sentence
    )
    assert json.loads(stream.getvalue()) == {
        **{"event": "epoch", "loss": None, "best": None, "message": sentence},
    }
