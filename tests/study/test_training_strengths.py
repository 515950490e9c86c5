"""Runs over strengths of a training method: their files, and runs of earlier versions."""

import dataclasses
import io
import json
import shutil

import pandas as pd
import pytest
from rich.console import Console

from selectax import models
from selectax.study import training_loop
from selectax.study.configuration.config import flags_of
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.options import (
    EvaluationOptions,
    LogOptions,
    MethodOptions,
    RegularizerOptions,
)
from selectax.study.dry_runs import dry_run
from selectax.study.evaluation.evaluate import evaluate
from selectax.study.run import results
from selectax.study.run.folder import RunFolder
from selectax.study.run.networks import NetworkId, read_groups
from selectax.study.run.recorded_runs import read_runs
from selectax.study.run.unit_values import read_unit_values
from selectax.study.sweeps import sweep
from tests.study.test_sweeps import CONFIG, silent, to
from tests.study.tiny import TinyNetwork, draw_little

pytestmark = pytest.mark.slow

EVALUATION = EvaluationOptions(measures=("selectivity",), evaluation_images=40)
TWO = dataclasses.replace(
    CONFIG,
    regularizer=RegularizerOptions(alpha=(0.5,), seeds=1),
    evaluation=EVALUATION,
    method=MethodOptions("adversarial", (0.0, 8.0), adversarial_steps=2),
)
NETWORKS = [NetworkId(0.5, 0, "adversarial", strength) for strength in (0.0, 8.0, 16.0)]


@pytest.fixture(autouse=True)
def tiny_networks_and_few_figures(monkeypatch):
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    draw_little(monkeypatch.setattr)


@pytest.fixture
def folder(tmp_path):
    """A run of strengths 0 and 8, with curves."""
    sweep(to(tmp_path / "run", TWO, curves="csv"), console=silent())
    return tmp_path / "run"


def test_a_run_says_of_each_network_how_it_was_trained_and_more_strengths_can_be_added(folder):
    run = RunFolder(folder)
    first = results.load(folder)
    assert set(first["training"]) == {"adversarial"}
    losses = first[first["metric"] == "train_loss"].groupby("training_strength")["value"].last()
    assert losses[8.0] > losses[0.0]
    assert read_groups(run) == [NETWORKS[:2]]
    networks = run.networks.read_text()
    run.networks.unlink()
    assert read_groups(run) == [NETWORKS[:2]]
    run.networks.write_text(networks)
    assert set(read_unit_values(run.unit_values)["training_strength"]) == {0.0, 8.0}
    curves = pd.read_csv(run.curves_csv)
    assert curves.groupby("training_strength").size().tolist() == [3, 3]

    strengths = dataclasses.replace(TWO.method, training_strength=(8.0, 16))
    more = dataclasses.replace(TWO, method=strengths)
    console = Console(file=io.StringIO(), width=100)
    dry_run(to(folder, more, resume=True), console)
    lines = console.file.getvalue().splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert rows == [["0.5", "8", "0", ""], ["0.5", "16", "", "0"]]
    assert any("adversarial" in line for line in lines)
    outcome = sweep(to(folder, more, resume=True, curves="csv"), console=silent())
    assert read_groups(run) == [NETWORKS[:2], NETWORKS[2:]]
    assert json.loads(run.config.read_text())["training_strength"] == [0.0, 8.0, 16.0]
    before = outcome.table[outcome.table["training_strength"] < 16].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, first)
    assert read_runs([folder]).networks == NETWORKS


def test_networks_of_one_strength_are_measured_again(folder, tmp_path):
    path = tmp_path / "table.csv"
    config = EvaluateConfig(
        folder,
        training_strength=8.0,
        output=path,
        evaluation=EVALUATION,
        log=LogOptions(quiet=True),
    )
    evaluate(config, console=silent())
    found, expected = results.load(path), results.load(folder)
    expected = expected[~expected["metric"].str.startswith("train_")]
    expected = expected[expected["training_strength"] == 8].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


def test_a_run_of_an_earlier_version_is_resumed(tmp_path, monkeypatch):
    """Whose files say nothing of training methods; nothing is trained or measured again."""
    config = dataclasses.replace(TWO, method=MethodOptions())
    expected = sweep(to(tmp_path / "now", config), console=silent()).table
    run = RunFolder(shutil.copytree(tmp_path / "now", tmp_path / "before"))
    columns = ["training", "training_strength"]
    flags = json.loads(run.config.read_text())
    for name in flags_of(MethodOptions()):
        del flags[name]
    run.config.write_text(json.dumps(flags))
    content = json.loads(run.networks.read_text())
    for network in (*content["groups"][0], *content["measured"]):
        for name in columns:
            del network[name]
    run.networks.write_text(json.dumps(content))
    results.save(run.results, expected.drop(columns=columns))
    results.save(run.results_in_parquet, expected.drop(columns=columns))
    pd.read_parquet(run.unit_values).drop(columns=columns).to_parquet(run.unit_values, index=False)
    monkeypatch.setattr(training_loop, "steps_of_epoch", None)
    monkeypatch.setattr("selectax.study.measuring_loop.measure_one_by_one", None)
    outcome = sweep(to(run.path, config, resume=True), console=silent())
    pd.testing.assert_frame_equal(outcome.table, expected)
    for name in ("results.csv", "networks.json", "config.json"):
        assert (run.path / name).read_bytes() == (tmp_path / "now" / name).read_bytes()
    joined = read_runs([tmp_path / "now", run.path])
    assert joined.networks == [NetworkId(0.5, 0)]
