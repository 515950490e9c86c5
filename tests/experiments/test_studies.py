"""The studies' flags mean something, decide what they say, and a step of each full job runs."""

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from experiments import study
from selectax.commands import sweep
from selectax.commands.command_line.parsing import parse
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig
from selectax.study.run import results
from tests.project.markdown import commands

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.parent.name for path in study.STUDIES.glob("*/flags.toml"))
FULL = ("resnet18_tiny_imagenet", "resnet20_cifar10")


def flags_of(name):
    return tomllib.loads((study.STUDIES / name / "flags.toml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_flags_are_valid_and_all_reach_the_sweep(name):
    flags = flags_of(name)
    config = parse(SweepConfig, study.words_of(flags), "sweep.py")
    check(config)
    parts = (config.data, config.training, config.method, config.regularizer)
    parts += (config.evaluation, config.run)
    given = {field: value for part in parts for field, value in vars(part).items()}
    for flag, value in flags.items():
        value = tuple(value) if isinstance(value, list) else value
        assert given[flag.replace("-", "_")] == (None if value == "None" else value), flag


@pytest.mark.parametrize("name", NAMES)
def test_a_studys_page_has_its_command(name, monkeypatch):
    given = []
    monkeypatch.setattr(sweep, "main", lambda words, program: given.append(words) or 0)
    found = [shlex.split(command) for command in commands(study.STUDIES / name / "README.md")]
    found = [words[2:] for words in found if words[1] == "experiments/study.py"]
    assert found
    for words in found:
        assert words[0] == name
        assert study.main(words) == 0
        assert parse(SweepConfig, given[-1], "sweep.py").training.model == flags_of(name)["model"]


@pytest.mark.parametrize("name", FULL)
def test_full_jobs_are_those_of_the_papers(name):
    """As method.md has them; the alphas are those in the legend of the author's figure."""
    config = parse(SweepConfig, study.words_of(flags_of(name)), "sweep.py")
    training = config.training
    model, dataset = name.split("_", 1)
    assert (training.model, config.data.dataset) == (model, dataset)
    expected = {"cifar10": (200, 256), "tiny_imagenet": (90, 4096)}[dataset]
    assert (training.epochs, training.batch_size) == expected
    assert (training.learning_rate, training.momentum, training.weight_decay) == (0.1, 0.9, 1e-4)
    strengths = (0.1, 0.2, 0.3, 0.4, 0.7, 1, 2, 5, 10, 30, 100)
    assert set(config.regularizer.alpha) == {0, *strengths, *(-alpha for alpha in strengths)}
    assert config.regularizer.seeds == 20


def test_more_words_take_the_place_of_a_studys_own(monkeypatch):
    given = []
    monkeypatch.setattr(sweep, "main", lambda words, program: given.append(words) or 0)
    assert study.main(["resnet20_cifar10", "--alpha", "-1", "--batch_size=8", "--output", "o"]) == 0
    config = parse(SweepConfig, given[0], "sweep.py")
    assert config.regularizer.alpha == (-1.0,)
    assert config.training.batch_size == 8
    assert config.output == Path("o")
    assert study.main(["resnet20_cifar10"]) == 0
    config = parse(SweepConfig, given[1], "sweep.py")
    assert config.training.batch_size == 256
    assert config.output == Path("runs/resnet20_cifar10")


def test_unknown_names_are_refused_in_a_sentence(capsys):
    assert study.main(["resnet2_cifar"]) == 2
    assert study.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    unknown, missing = err.splitlines()
    assert "resnet2_cifar: unknown; did you mean resnet20_cifar10?" in unknown
    assert missing.startswith("NAME: missing; known are ")
    assert all(name in unknown and name in missing for name in NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_a_step_of_a_full_job_runs(name, tmp_path):
    """All its flags but for sizes, on real images where there are some."""
    real_data = os.environ.get("SELECTAX_REAL_DATA")
    if not real_data:
        pytest.skip("SELECTAX_REAL_DATA is not set")
    folder = tmp_path / "run"
    words = ["--archives", real_data, "--allow-unverified-archives", "--output", folder]
    words += ["--data-dir", tmp_path / "data", "--alpha", "-1", "--seeds", "1", "--epochs", "1"]
    words += ["--batch-size", "16", "--train-limit", "18", "--evaluation-images", "20"]
    words += ["--validation-limit", "20"]
    words += ["--measures", "selectivity", "--no-report"]
    done = subprocess.run(
        [sys.executable, ROOT / "experiments" / "study.py", name, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    assert "class selectivity" in done.stdout
    assert done.stdout.endswith(f"Results: {folder / 'results.csv'}\n")
    table = results.load(folder)
    loss = table[table["metric"] == "train_loss"]["value"]
    assert np.isfinite(loss).all()
    assert len(loss) == 1
    assert set(table["alpha"]) == {-1.0}
