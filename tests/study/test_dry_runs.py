"""The plan that is printed: which networks are done, open or failed; and that nothing is done."""

import dataclasses
import io
import json
import shutil

import pytest
from rich.console import Console

from selectax import models
from selectax.study import sweeps as experiment
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import DataOptions, RegularizerOptions
from selectax.study.data import load_data
from selectax.study.dry_runs import dry_run
from selectax.study.run import results
from tests.study.test_sweeps import CONFIG, silent, to
from tests.study.tiny import TinyNetwork, draw_little

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def tiny_networks_and_few_figures(monkeypatch):
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    draw_little(monkeypatch.setattr)


def planned(config):
    console = Console(file=io.StringIO(), width=200)
    dry_run(config, console)
    said = console.file.getvalue()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines()]
    return said, {row[0]: row[1:] for row in rows if row}


def test_nothing_is_done(tmp_path):
    said, rows = planned(to(tmp_path / "run", mesh="auto"))
    assert list(tmp_path.iterdir()) == []
    assert "4 networks in" in said
    assert "seeds open" in said
    assert rows == {"-1": ["0–1"], "2": ["0–1"]}
    assert "Devices: 4 devices (cpu): 4 for networks × 1 for each batch" in said
    assert "Training: 4 networks, 1 side by side on a device, at most 12 steps each at" in said
    assert "MiB on each device" in said


def test_networks_are_told_by_what_is_done_of_them(tmp_path):
    folder = tmp_path / "run"
    one = dataclasses.replace(CONFIG, regularizer=RegularizerOptions(alpha=(2.0,), seeds=2))
    table = experiment.sweep(to(folder, one), console=silent()).table
    said, rows = planned(to(folder, one, resume=True))
    assert rows == {"2": ["0–1"]}
    assert "seeds done" in said
    assert "nothing is left to be trained" in said
    kept = shutil.copytree(folder, tmp_path / "kept", ignore=shutil.ignore_patterns("checkpoints*"))
    said, _ = planned(to(kept, one, resume=True))
    assert "nothing is left to be trained" in said
    said, rows = planned(to(kept, resume=True))
    assert rows == {"-1": ["0–1", ""], "2": ["", "0–1"]}
    assert "Training: 2 networks" in said
    (folder / "results.csv").write_text("nothing of ours\n")
    with pytest.raises(ConfigurationError, match=r"results.csv is damaged; remove that file"):
        planned(to(folder, one, resume=True))
    of_second = table["seed"] == 1
    results.save(folder / "results.csv", table[~of_second | (table["metric"] != "accuracy")])
    said, rows = planned(to(folder, resume=True))
    assert said.index("seeds open") < said.index("seeds done") < said.index("seeds trained")
    assert rows == {"-1": ["0–1", "", ""], "2": ["", "0", "1"]}
    assert "Training: 2 networks" in said
    failed = {**dict(table.iloc[0]), "metric": "diverged", "layer": "", "perturbation": ""}
    failed = results.table([{**failed, "seed": 1, "value": 1}])
    results.save(folder / "results.csv", results.merge(table[~of_second], failed))
    content = json.loads((folder / "networks.json").read_text())
    content["measured"][1] |= {"measures": ["diverged"], "rows": 1}
    (folder / "networks.json").write_text(json.dumps(content))
    said, rows = planned(to(folder, one, resume=True))
    assert "seeds failed" in said
    assert rows == {"2": ["0", "1"]}


def test_a_batch_that_the_sweep_would_refuse_is_refused_here_too(tmp_path):
    config = dataclasses.replace(CONFIG, data=DataOptions(train_limit=10))
    with pytest.raises(ConfigurationError, match=r"--batch-size 16: larger .* at most 10"):
        planned(to(tmp_path / "run", config))
    with pytest.raises(ConfigurationError, match=r"--batch-size 16: larger .* at most 10"):
        load_data(config)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_run_is_refused_here_too(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigurationError, match="choose an empty folder"):
        planned(to(tmp_path))
