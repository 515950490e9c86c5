"""What a sweep tells as JSON, or quietly, and its curves over an interruption, as a whole."""

import csv
import functools
import json
import signal
import subprocess
import sys

import pytest

from selectax.commands import sweep
from selectax.study.run.curves import FIGURES
from tests.commands.sweep import processes

pytestmark = pytest.mark.slow


start = functools.partial(processes.start, devices=1, stderr=subprocess.PIPE)


def finished(process):
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out, err


def drawn(folder):
    with (folder / "curves.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_as_json_every_line_is_an_object_and_curves_are_drawn(tmp_path):
    folder = tmp_path / "run"
    out, err = finished(start("--output", folder, "--log-json", "--curves", "csv"))
    events = [json.loads(line) for line in err.splitlines()]
    epochs = [event for event in events if event["event"] == "epoch"]
    networks = [event for event in events if event["event"] == "network"]
    warnings = [event for event in events if event["event"] == "warning"]
    assert len(events) == len(epochs) + len(networks) + len(warnings)
    assert [(event["epoch"], event["epochs"]) for event in epochs] == [(1, 3), (2, 3), (3, 3)]
    for event in epochs:
        assert event["networks"] == 4
        for name in (*FIGURES, "images_per_second", "seconds_left"):
            assert isinstance(event[name], float)
    assert [(event["network"], event["alpha"], event["seed"]) for event in networks] == [
        *((1, -1.0, 0), (2, -1.0, 1), (3, 2.0, 0), (4, 2.0, 1)),
    ]
    for event in networks:
        assert event["networks"] == 4
        for name in ("accuracy", "selectivity", "images_per_second", "seconds_left"):
            assert isinstance(event[name], float)
    assert all(event["message"].endswith(".") for event in warnings)
    assert f"Results: {folder / 'results.csv'}\n" in out
    header, *rows = drawn(folder)
    assert header == ["alpha", "seed", "training", "training_strength", "epoch", *FIGURES]
    assert {row[2] for row in rows} == {"standard"}
    last = [dict(zip(header[3:], map(float, row[3:]), strict=True)) for row in rows[-4:]]
    for name in FIGURES:
        mean = sum(row[name] for row in last) / 4
        assert epochs[-1][name] == pytest.approx(mean, rel=1e-5)


def test_quietly_only_warnings_and_paths_are_told(tmp_path):
    out, err = finished(start("--output", tmp_path / "run", "--quiet"))
    assert "epoch" not in err
    assert "Evaluating" not in err
    lines = out.splitlines()
    assert lines
    assert all(line.startswith(("Results: ", "Figure: ", "Report: ")) for line in lines)


def test_curves_of_a_run_that_was_stopped_are_those_of_one_that_was_not(tmp_path):
    """Its configuration does not tell of what is told, which may differ."""
    options = ("--curves", "csv")
    undisturbed, stopped = tmp_path / "one", tmp_path / "other"
    finished(start("--output", undisturbed, *options, epochs=15))
    with start("--output", stopped, *options, epochs=15) as process:
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
        assert process.returncode == 130
    begun = len(drawn(stopped))
    assert 1 < begun < len(drawn(undisturbed))
    # As if a last epoch had been drawn whose checkpoint was not written any more.
    with (stopped / "curves.csv").open("a") as file:
        file.write("-1.0,0,standard,0.0,14,9,9,9,9\n")
    finished(start("--output", stopped, *options, "--resume", "--log-json", epochs=15))
    assert drawn(stopped) == drawn(undisturbed)


def test_an_error_is_an_object_too(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--log-json", "--epochs", "0"])
    assert sweep.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {
        **{"event": "error", "message": "--epochs 0: give a whole number of at least 1."},
    }
