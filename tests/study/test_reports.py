"""Reports of runs as their folders hold them, whole, half done or damaged."""

import errno
import json
import os
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tyro
from PIL import Image

from selectax.commands import sweep
from selectax.study import reports
from selectax.study.configuration.config import SweepConfig, defaults_of, to_json
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.report import figures
from selectax.study.reports import command_of, join_runs, write_report
from selectax.study.run import results
from selectax.study.run.networks import NetworkId
from selectax.study.run.unit_values import unit_table, write_unit_values
from tests.study.planted import UNITS, planted_table, write_run, write_runs_of_seeds


def test_a_table_that_is_kept_as_parquet_alone_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    folder = write_run(tmp_path / "kept", planted_table(seeds=1))
    (folder / "results.csv").rename(tmp_path / "results.csv")
    results.save(folder / "results.parquet", results.load(tmp_path / "results.csv"))
    assert "fewer than 3 seeds" in write_report(folder).read_text()


def test_half_a_study_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table()
    done = table[(table["alpha"] < 0) | (table["seed"] == 0) & (table["alpha"] == 0)]
    text = " ".join(write_report(write_run(tmp_path / "half", done)).read_text().split())
    assert "The study is not complete.</strong> 13 of 28 networks are measured, 0 more" in text
    assert "? cannot say" in text


@pytest.mark.parametrize("with_list", [True, False])
def test_seeds_added_to_one_alpha_are_no_gaps_in_the_others(tmp_path, monkeypatch, with_list):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(0.0, 1.0), seeds=3)
    done = table[(table["alpha"] == 0) | (table["seed"] == 0)]
    folder = write_run(tmp_path / "run", done, alpha=[0.0, 1.0], seeds=3)
    groups = [[(0.0, 0), (1.0, 0)], [(0.0, 1), (0.0, 2)]]
    networks = [[{"alpha": alpha, "seed": seed} for alpha, seed in group] for group in groups]
    if with_list:
        (folder / "networks.json").write_text(json.dumps({"groups": networks}))
    text = " ".join(write_report(folder).read_text().split())
    if with_list:
        assert "4 networks: 2 strengths" in text
        assert "× 1 to 3 seeds" in text
        assert "not complete" not in text
    else:  # of an earlier version, which has every seed of every alpha
        assert "4 of 6 networks are measured" in text


def test_images_drawn_by_the_sweep_are_kept(tmp_path):
    folder = write_run(tmp_path / "run", results.table([]))
    assert "clean, corrupted and attacked" not in write_report(folder).read_text()
    (folder / "figures").mkdir()
    Image.new("RGB", (400, 200)).save(folder / "figures" / "images.png", dpi=(100, 100))
    text = write_report(folder).read_text()
    assert "Test images, clean, corrupted and attacked" in text
    assert 'style="width: 4' in text


def test_joined_runs_have_the_sheet_of_the_first_that_has_one(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(0.0,), seeds=3)
    runs = write_runs_of_seeds(tmp_path, table)
    for run, width in zip(runs[1:], (400, 600), strict=True):
        (run / "figures").mkdir()
        Image.new("RGB", (width, 200)).save(run / "figures" / "images.png", dpi=(100, 100))
    joined = join_runs(runs, tmp_path / "new" / "joined")
    assert Image.open(joined.figures / "images.png").width == 400
    assert "Test images, clean, corrupted and attacked" in joined.report.read_text()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["joined"]


def test_runs_are_joined_in_the_empty_folder_that_one_is_in(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(0.0,), seeds=2)
    runs = write_runs_of_seeds(tmp_path, table)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    join_runs(runs, Path())
    assert (tmp_path / "empty" / "report.html").exists()


def test_a_joined_run_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    table = planted_table(alphas=(0.0,), seeds=2)
    runs = write_runs_of_seeds(tmp_path, table)
    monkeypatch.setattr(figures, "draw_all", full_disk)
    with pytest.raises(OSError, match="No space"):
        join_runs(runs, tmp_path / "new" / "joined")
    assert not list((tmp_path / "new").iterdir())


def test_a_study_just_begun_has_a_report(tmp_path):
    folder = write_run(tmp_path / "begun", results.table([]))
    (folder / "results.csv").unlink()
    text = write_report(folder).read_text()
    assert "Not tested in this study: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11." in text
    assert "<figure" not in text


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda folder: (folder / "networks.json").write_text("{"), "networks.json cannot be read"),
        (lambda folder: (folder / "layers.json").unlink(), "layers.json cannot be read"),
        (lambda folder: (folder / "results.csv").write_text("a,b\n"), "is not a results table"),
    ],
)
def test_a_folder_without_a_run_is_refused(tmp_path, damage, words):
    folder = write_run(tmp_path / "run", planted_table(seeds=1))
    damage(folder)
    with pytest.raises(ConfigurationError, match=words) as refused:
        write_report(folder)
    assert str(folder) in str(refused.value)
    assert str(refused.value).endswith(".")


def test_damaged_values_of_units_are_refused_before_findings_are_sought(tmp_path, monkeypatch):
    table = planted_table(alphas=(0.0,), seeds=2)
    runs = write_runs_of_seeds(tmp_path, table)
    (runs[1] / "units.parquet").write_bytes(b"nothing of ours")
    monkeypatch.setattr(reports, "find", None)
    monkeypatch.setattr(figures, "draw_all", None)
    says = r"units\.parquet: is no table .*; remove it to go on without it\.$"
    with pytest.raises(ConfigurationError, match=says):
        write_report(runs[1])
    with pytest.raises(ConfigurationError, match=says):
        join_runs(runs, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--alpha", "-2.0", "0.0", "--seeds", "5", "--pgd-steps", "1", "10"],
        ["--alpha-epochs", "1", "2", "--norm", "l2", "--train-limit", "100"],
        ["--measures", "--attack-images", "None"],
        [
            *("--training-method", "adversarial", "--training-strength", "0", "2.5"),
            *("--adversarial-norm", "l2", "--adversarial-steps", "3"),
        ],
    ],
)
@pytest.mark.parametrize("dataset", ["digits", "cifar10"])
def test_its_command_gives_the_same_configuration(flags, dataset):
    options = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    given = to_json(tyro.cli(SweepConfig, args=flags, default=defaults_of(dataset), config=options))
    program, script, *again = shlex.split(command_of(json.loads(json.dumps(given))))
    assert (program, script) == ("python", "experiments/sweep.py")
    if dataset != "digits":
        assert again[-2:] == ["--archives", "ARCHIVES"]
        again = again[:-2]
    assert (
        to_json(tyro.cli(SweepConfig, args=again, default=sweep.default_of(again), config=options))
        == given
    )


def test_its_command_has_a_mesh_if_results_depend_on_the_devices_of_a_batch():
    command = command_of({"dataset": "digits", "batch_norm": "per-device", "devices_per_batch": 2})
    assert command.endswith("--batch-norm per-device --mesh 1x2")


def test_values_of_units_are_read_and_a_metric_of_ones_own_is_in_figures_and_tables(tmp_path):
    table = planted_table(alphas=(0.0, 1.0), seeds=1)
    table = table[table["metric"].isin(["class_selectivity", "input_gradient_cv"])]
    table = table.replace({"metric": {"input_gradient_cv": "sparsity"}})
    folder = write_run(tmp_path / "run", table)
    values = [
        unit_table(
            NetworkId(alpha, 0),
            {"class_selectivity": {layer: np.linspace(0, 1, 5) for layer in UNITS}},
        )
        for alpha in (0.0, 1.0)
    ]
    write_unit_values(folder / "units.parquet", pd.concat(values))
    metrics = {"sparsity": "fraction of zeros, 0 to 1"}
    text = " ".join(write_report(folder, metrics=metrics).read_text().split())
    assert "violins: units of all seeds" in text
    assert "<figcaption>Sparsity in each layer.</figcaption>" in text
    assert ">Sparsity</h3>" in text
    assert "Fraction of zeros, 0 to 1. Means over seeds; one column an alpha." in text
