"""The command's help, what it prints at its end, and what Ctrl-C leaves behind."""

import dataclasses
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from selectax.commands import sweep
from selectax.study import sweeps as experiment
from selectax.study.configuration.config import SweepConfig, defaults_of
from selectax.study.report.findings import find
from selectax.study.run import results
from tests.commands.sweep.processes import COMMAND, PROGRAM, ROOT, assert_one_sentence

SMALL = (
    *("--train-limit", "64", "--batch-size", "32", "--alpha", "-1", "1", "--seeds", "1"),
    *("--measures", "selectivity", "--evaluation-images", "20"),
)


def test_help_explains_every_flag_with_its_default(capsys):
    with pytest.raises(SystemExit) as ended:
        sweep.main(["--help"], "selectax sweep")
    assert ended.value.code == 0
    text = re.sub(r"[│╭╮╰╯─\s]+", " ", capsys.readouterr().out)
    for group in dataclasses.fields(SweepConfig):
        options = getattr(defaults_of("digits"), group.name)
        assert f" {group.name} options " in text
        for field in dataclasses.fields(options):
            flag = f"--{field.name.replace('_', '-')}"
            found = re.search(rf" {flag} (.*?)\(default: (.*?)\)", text)
            assert found, flag
            assert "--" not in found[1].replace("--resume", ""), f"{flag} has no default"
            value = getattr(options, field.name)
            values = value if isinstance(value, tuple) else (value,)
            assert found[2].split() == [str(each) for each in values], flag
            assert re.search(r"[A-Z][a-z]+[ :;]", found[1]), f"{flag} is not explained"


def test_an_interrupt_says_how_to_go_on(monkeypatch, capfd, tmp_path):
    """In this process, whose end is only noted down."""
    ended = []

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "sweep", interrupted)
    monkeypatch.setattr(sweep.os, "_exit", ended.append)
    monkeypatch.setattr(sweep, "print_summary", interrupted)
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--output", str(tmp_path / "run")])
    for says in ("give the same command again", f"--resume goes on with {tmp_path / 'run'}"):
        with pytest.raises((UnboundLocalError, KeyboardInterrupt)):
            sweep.main()
        assert ended.pop() == 130
        out, err = capfd.readouterr()
        assert out == ""
        assert_one_sentence(err, says)
        (tmp_path / "run").mkdir(exist_ok=True)


def test_at_its_end_the_command_says_where_everything_is(monkeypatch, capsys, tmp_path):
    whose = {"dataset": "digits", "model": "resnet8", "seed": 0, "epoch": 1}
    table = results.table(
        [
            {**whose, "alpha": alpha, "metric": metric, "value": value}
            for alpha, metric, value in (
                *((-1.0, "accuracy", 0.75), (0.5, "accuracy", 0.25)),
                *((-1.0, "class_selectivity", 0.125), (0.5, "class_selectivity", 0.375)),
            )
        ]
    )
    pictures = [tmp_path / f"{name}.png" for name in "abc"]
    outcome = experiment.Outcome(
        *(table, tmp_path / "results.csv", pictures, tmp_path / "report.html"),
        find(table, {}, np.random.default_rng(0)),
    )
    monkeypatch.setattr(experiment, "sweep", lambda config, console: outcome)
    monkeypatch.setattr(sys, "argv", ["sweep.py"])
    assert sweep.main() == 0
    out = capsys.readouterr().out
    assert f"Results: {tmp_path / 'results.csv'}\n" in out
    for picture in pictures:
        assert f"Figure: {picture}\n" in out
    rows = [line.split() for line in out.splitlines()]
    cells = [[cell for cell in row if cell not in "│┃"] for row in rows]
    assert ["-1", "1", "0.125", "0.750"] in cells
    assert ["0.5", "1", "0.375", "0.250"] in cells
    verdicts = re.findall(r"^  cannot say  (\d)\. .*\((.*)\)$", out, re.MULTILINE)
    assert [number for number, _ in verdicts] == list("1456789")
    untested = out.index("not tested: 2, 3, 10, 11")
    assert out.index("cannot say  9.") < untested < out.index("Results: ")


@pytest.mark.slow
def test_ctrl_c_ends_a_sweep_at_once_and_resume_goes_on(tmp_path):
    command = [sys.executable, "-c", PROGRAM, *SMALL, "--epochs", "30"]
    command += ["--no-report", "--output", str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as sweeping:
        first = sweeping.stderr.readline()
        assert first.startswith("Training 2 networks, epoch 1/30")
        sweeping.send_signal(signal.SIGINT)
        told = sweeping.stderr.read()
        assert sweeping.wait(timeout=60) == 130
    assert "Traceback" not in told
    assert_one_sentence(told.splitlines(keepends=True)[-1], "--resume", tmp_path / "run")
    assert not (tmp_path / "run" / "results.csv").exists()
    done = subprocess.run([*command, "--resume"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    epochs = re.findall(r"epoch (\d+)/30", done.stderr)
    assert 1 not in map(int, epochs)
    assert epochs[-1] == "30"
    assert f"Results: {tmp_path / 'run' / 'results.csv'}\n" in done.stdout
    table = results.load(tmp_path / "run" / "results.csv")
    assert sorted(set(table["alpha"])) == [-1, 1]


@pytest.mark.slow
def test_a_sweep_from_an_archive_never_tries_to_import_tensorflow(archives, tmp_path):
    """Were it installed, it would not be loaded: one that leaves a trace takes its place."""
    trace = tmp_path / "trace"
    for name in ("tensorflow", "torch"):
        (tmp_path / "fake" / name).mkdir(parents=True)
        (tmp_path / "fake" / name / "__init__.py").write_text(
            f"open({str(trace)!r}, 'a').write('{name}'); raise ImportError"
        )
    program = """
import runpy, sys
from selectax import models
from tests.study.tiny import TinyNetwork
models.create = lambda name, num_classes: TinyNetwork(num_classes)
try:
    runpy.run_path(sys.argv.pop(1), run_name="__main__")
finally:
    assert not {"tensorflow", "torch"} & set(sys.modules)
"""
    done = subprocess.run(
        [
            *(sys.executable, "-c", program, COMMAND[-1]),
            *("--dataset", "cifar10", "--archives", str(archives), "--allow-unverified-archives"),
            *("--data-dir", str(tmp_path / "data"), "--output", str(tmp_path / "run")),
            *("--epochs", "1", "--seeds", "1", "--alpha", "-1", "1", "--batch-size", "16"),
            *("--corruptions", "contrast", "--pgd-steps", "1", "--epsilons", "4"),
        ],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'fake'}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    pictures = list((tmp_path / "run" / "figures").glob("*.png"))
    assert len(pictures) >= 5
    assert done.stdout.count("Figure: ") == len(pictures)
    assert not trace.exists(), trace.read_text()
