"""The whole sweep on a few digits: its files, its table, and that interruptions leave no trace."""

import dataclasses
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from selectax import datasets, models
from selectax.models.network import of_module
from selectax.study import measuring_loop, plan, presentation, training_loop
from selectax.study import sweeps as experiment
from selectax.study.configuration.config import SweepConfig, to_json
from selectax.study.configuration.corrupted_images import resolve_corruptions
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import (
    DataOptions,
    EvaluationOptions,
    RegularizerOptions,
    RunOptions,
    TrainingOptions,
)
from selectax.study.measures import attacks, clean, corruptions
from selectax.study.measures.registry import METRICS
from selectax.study.plan import hyperparameters_of
from selectax.study.report import figures
from selectax.study.reports import join_runs
from selectax.study.run import results, table_file
from selectax.study.run.checkpoints import Checkpoints, open_checkpoints
from selectax.study.run.networks import NetworkId
from selectax.study.runtime.signals import Stopped
from selectax.study.sweeps import sweep
from selectax.study.training.population import init_population
from selectax.study.training.recipe import Recipe
from tests.compiling import counted_compilations
from tests.reference import selectivity as reference_selectivity
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, draw_little, grid

pytestmark = [pytest.mark.slow, pytest.mark.optimized]

ALPHAS, SEEDS, EPOCHS = (-1.0, 2.0), 2, 3
CONFIG = SweepConfig(
    data=DataOptions(train_limit=70),
    training=TrainingOptions(epochs=EPOCHS, batch_size=16),
    regularizer=RegularizerOptions(alpha=ALPHAS, seeds=SEEDS),
    evaluation=EvaluationOptions(
        evaluation_images=40,
        attack_images=13,
        evaluation_batch_size=16,
        corruptions=("contrast",),
        epsilons=(4.0,),
        pgd_steps=(2,),
    ),
)


DRAW_ALL, HAS_IMAGES = figures.draw_all, experiment.has_images


def to(folder, config=CONFIG, **options):
    return dataclasses.replace(config, run=RunOptions(output=folder, **{"mesh": "1x1", **options}))


def silent():
    return Console(file=io.StringIO())


@pytest.fixture(autouse=True)
def tiny_networks_and_few_figures(monkeypatch):
    """In place of every model, whatever its name, and of all figures."""
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    draw_little(monkeypatch.setattr)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of a run that nothing happened to, its outcome, and what it said."""
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    console = Console(file=io.StringIO(), width=80)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
        patch.setattr(figures, "draw_all", DRAW_ALL)
        patch.setattr(experiment, "has_images", HAS_IMAGES)
        outcome = sweep(to(folder), console=console)
    return folder, outcome, console.file.getvalue()


def trained_networks(folder):
    """Of the last checkpoint: each network by alpha and seed."""
    recipe = Recipe(of_module(TinyNetwork(10)), 10, epochs=EPOCHS, batch_size=16)
    like = init_population(grid(ALPHAS, range(SEEDS), 0.1), recipe=recipe, image_shape=(16, 16, 3))
    with open_checkpoints(folder / "checkpoints") as checkpoints:
        step, population = checkpoints.restore(like)
    assert step == EPOCHS * (70 // 16)
    for number in range(len(ALPHAS) * SEEDS):
        network = jax.tree.map(lambda leaf, at=number: np.asarray(leaf[at]), population)
        yield ALPHAS[number // SEEDS], number % SEEDS, network


def test_a_run_leaves_its_files_behind(undisturbed):
    folder, outcome, _ = undisturbed
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "layers.json", "networks.json", "checkpoints", "results.csv", "figures"),
        *("units.parquet",),
        *(".lock", "images.json", "results.parquet", "report.html"),
    }
    resolved = resolve_corruptions(CONFIG, official_at_hand=False)
    assert json.loads((folder / "config.json").read_text()) == to_json(resolved)
    assert json.loads((folder / "layers.json").read_text()) == {"first": 5, "second": 4}
    images = json.loads((folder / "images.json").read_text())
    _, validation = datasets.load("digits", "validation")
    assert images == {"training": 70, "validation": len(validation), "test": 40}
    assert outcome.results == folder / "results.csv"
    assert {path.name for path in outcome.figures} == {
        *("selectivity_by_alpha.png", "selectivity_by_layer.png", "clean_accuracy_by_alpha.png"),
        *("perturbed_accuracy_by_alpha.png", "accuracy_by_severity.png"),
        *("robust_accuracy_by_epsilon.png", "dimensionality_by_layer.png", "images.png"),
        *("robustness_by_selectivity.png", "dead_units_by_layer.png"),
        *("share_selective_by_alpha.png", "share_selective_by_layer.png"),
    }
    vectors = {path.with_suffix(".pdf") for path in outcome.figures}
    assert {*outcome.figures, *vectors} == set((folder / "figures").iterdir())


def test_without_a_report_a_run_has_its_results_alone_until_one_is_asked_for(undisturbed, tmp_path):
    folder = tmp_path / "run"
    outcome = sweep(to(folder, no_report=True), console=silent())
    assert (outcome.figures, outcome.findings) == ([], ())
    assert {path.name for path in folder.iterdir()} == {
        path.name for path in undisturbed[0].iterdir()
    } - {"figures", "report.html"}
    pd.testing.assert_frame_equal(results.load(folder), results.load(undisturbed[0]))
    outcome = sweep(to(folder, resume=True), console=silent())
    assert outcome.report.exists()
    assert all(path.exists() for path in outcome.figures)
    assert outcome.findings


def test_images_are_those_of_the_network_nearest_alpha_0_that_did_not_diverge(undisturbed):
    folder, outcome, _ = undisturbed
    networks = {(alpha, seed): network for alpha, seed, network in trained_networks(folder)}
    group = [NetworkId(*each) for each in networks]
    recipe = Recipe(of_module(TinyNetwork(10)), 10, epochs=EPOCHS, batch_size=16)
    like = init_population(grid(ALPHAS, range(SEEDS), 0.1), recipe=recipe, image_shape=(16, 16, 3))
    with open_checkpoints(folder / "checkpoints") as checkpoints:
        _, population = checkpoints.restore(like)

    def shown(table, before=None, asked_for=group):
        return experiment.network_to_show(before, group, asked_for, population, table)

    first = shown(outcome.table)
    assert first.network == NetworkId(-1.0, 0)
    jax.tree.map(np.testing.assert_array_equal, first.variables, networks[-1.0, 0].best_variables)
    diverged = results.table(
        [
            {**dict.fromkeys(("dataset", "model"), "x"), "epoch": 1, "metric": "diverged"}
            | {"alpha": alpha, "seed": seed, "value": 1}
            for alpha, seed in ((-1.0, 0), (2.0, 0))
        ]
    )
    assert shown(diverged).network == NetworkId(-1.0, 1)
    assert shown(diverged, asked_for=[NetworkId(2.0, 0)]) is None
    # One of an earlier group stays if it is as near.
    assert shown(outcome.table, before=first) is first
    assert shown(diverged, before=shown(diverged, asked_for=group[-1:])).network == NetworkId(
        -1.0, 1
    )


def test_the_table_is_the_file_and_has_every_network(undisturbed):
    folder, outcome, _ = undisturbed
    for path in (folder, outcome.results, folder / "results.parquet"):
        pd.testing.assert_frame_equal(results.load(path), outcome.table)
    table = outcome.table
    assert set(zip(table["alpha"], table["seed"], strict=True)) == {
        (alpha, seed) for alpha in ALPHAS for seed in range(SEEDS)
    }
    assert set(table["dataset"]) == {"digits"}
    assert set(table["model"]) == {"resnet8"}
    not_asked_for = {"input_gradient_cv", "input_gradient_cv_over_units", "d_prime", "diverged"} | {
        *("class_conditional_mean_activity_selectivity", "precision_at_60"),
        *("treves_rolls_sparseness", "vinje_gallant_sparseness", "intrinsic_dimension"),
        *("class_selectivity_rotated", "class_selectivity_best_basis"),
    }
    assert set(table["metric"]) == set(METRICS) - not_asked_for
    of_networks = table.groupby(["alpha", "seed"]).size()
    assert len(set(of_networks)) == 1


def test_the_rows_are_of_the_best_epoch_and_of_its_network(undisturbed):
    folder, outcome, _ = undisturbed
    images, labels = (array[:40] for array in datasets.load("digits", "test"))
    for alpha, seed, network in trained_networks(folder):
        table = outcome.table
        rows = table[(table["alpha"] == alpha) & (table["seed"] == seed)]
        training = rows[rows["metric"].str.startswith("train_")]
        assert set(rows.drop(training.index)["epoch"]) == {int(network.best_epoch)}
        logits, responses = reference.logits_and_responses(network.best_variables, images / 255)
        clean = rows[(rows["metric"] == "accuracy") & (rows["perturbation"] == "")]
        right = logits.argmax(axis=1) == labels
        assert clean["value"].tolist() == [np.mean(right)]
        # Attacks are on fewer images.
        unattacked = rows[(rows["metric"] == "accuracy") & (rows["epsilon"] == 0)]
        assert unattacked["value"].tolist() == 2 * [np.mean(right[:13])]
        of_clean = rows[(rows["layer"] == "") & (rows["perturbation"] == "")]
        selectivity = of_clean[of_clean["metric"] == "class_selectivity"]
        expected = reference_selectivity.mean_selectivity(responses, labels, 10)
        np.testing.assert_allclose(selectivity["value"], [expected], rtol=1e-4)


def test_training_has_a_row_for_each_epoch(undisturbed):
    folder, outcome, _ = undisturbed
    for alpha, seed, network in trained_networks(folder):
        table = outcome.table
        rows = table[(table["alpha"] == alpha) & (table["seed"] == seed)]
        for metric, history in (
            ("train_loss", network.history.loss),
            ("train_accuracy", network.history.accuracy),
        ):
            of_metric = rows[rows["metric"] == metric]
            assert of_metric["epoch"].tolist() == [1, 2, 3]
            np.testing.assert_array_equal(of_metric["value"], history)
            assert np.all(np.isfinite(history))


def test_each_epoch_and_network_is_told(undisturbed):
    *_, told = undisturbed
    # Between them are warnings, for these attacks on networks of no use find little to do.
    lines = [line for line in told.splitlines() if line.startswith(("Training", "Evaluating"))]
    assert len(lines) == EPOCHS + len(ALPHAS) * SEEDS
    for number, line in enumerate(lines[:EPOCHS], start=1):
        assert line.startswith(f"Training 4 networks, epoch {number}/3  loss ")
        for word in ("accuracy", "validation", "selectivity", "images/s", "left"):
            assert f" {word}" in line
    grid_points = [(alpha, seed) for alpha in ALPHAS for seed in range(SEEDS)]
    for number, (line, (alpha, seed)) in enumerate(
        zip(lines[EPOCHS:], grid_points, strict=True), start=1
    ):
        assert line.startswith(f"Evaluating network {number}/4  alpha {alpha:g} seed {seed}  ")


def test_resuming_a_finished_run_changes_nothing(undisturbed, monkeypatch):
    folder, outcome, _ = undisturbed
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(training_loop, "steps_of_epoch", None)
    monkeypatch.setattr(measuring_loop, "measure_one_by_one", None)
    monkeypatch.setattr(figures, "draw_all", DRAW_ALL)
    monkeypatch.setattr(experiment, "has_images", HAS_IMAGES)
    again = sweep(to(folder, resume=True), console=silent())
    pd.testing.assert_frame_equal(again.table, outcome.table)
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in folder.rglob("*") if path.is_file()} == set(before)


def test_a_first_sweep_compiles_few_programs(tmp_path):
    """With all default measures and five corruptions; none is a mere slice, cast or copy."""
    names = ("contrast", "fog", "gaussian_noise", "jpeg_compression", "motion_blur")
    evaluation = dataclasses.replace(CONFIG.evaluation, corruptions=names)
    config = dataclasses.replace(CONFIG, evaluation=evaluation)
    jax.clear_caches()
    with counted_compilations() as compiled:
        sweep(to(tmp_path / "run", config), console=silent())
    assert len(compiled) <= 45, sorted(compiled)


def test_a_run_is_not_begun_twice(undisturbed):
    folder, *_ = undisturbed
    with pytest.raises(ConfigurationError, match=r"already holds a run.*--resume"):
        sweep(to(folder), console=silent())


def at_call(function, number, also_do=lambda *_: None):
    """In place of a function: the same, but interrupted before its call of that number."""
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == number:
            also_do(*arguments)
            raise KeyboardInterrupt
        return function(*arguments, **options)

    return interrupted


def test_interruptions_anywhere_leave_no_trace_in_the_results(undisturbed, tmp_path, monkeypatch):
    """One after the other, in one run; it ends as if there had been none."""
    folder = tmp_path / "run"
    saved_epochs = []
    interruptions = [
        # Before anything is written but the configuration, and that half.
        (experiment, "write_json", 2),
        (training_loop, "steps_of_epoch", 1),
        # After the first epoch, within the third, whose checkpoint is not written.
        (training_loop, "steps_of_epoch", 2),
        (Checkpoints, "save", 2),
        # Before the first network's rows are written, after them, and while others are written.
        (measuring_loop, "measure_one_by_one", 1),
        (results, "save", 2),
        (results.os, "fsync", 2),
        (presentation, "present", 1),
    ]
    for where, name, number in interruptions:
        with monkeypatch.context() as patch:
            patch.setattr(where, name, at_call(getattr(where, name), number))
            with pytest.raises(KeyboardInterrupt):
                sweep(to(folder, resume=bool(saved_epochs)), console=silent())
        checkpoints = folder / "checkpoints"
        saved_epochs.append(len(list(checkpoints.iterdir())) if checkpoints.exists() else 0)
    assert saved_epochs == [0, 0, 1, 2, 2, 2, 2, 2]
    outcome = sweep(to(folder, resume=True), console=silent())
    expected, *_ = undisturbed
    assert outcome.results.read_bytes() == (expected / "results.csv").read_bytes()
    assert {path.name for path in folder.iterdir()} == {path.name for path in expected.iterdir()}


def test_networks_measured_at_a_time_give_the_rows_of_each_alone(
    undisturbed, tmp_path, monkeypatch
):
    at_a_time = []
    threads = measuring_loop.in_threads
    monkeypatch.setattr(
        measuring_loop, "in_threads", lambda works: at_a_time.append(len(works)) or threads(works)
    )
    monkeypatch.setattr(measuring_loop, "_ON_CPU", 3)
    beside = sweep(to(tmp_path / "beside"), console=silent())
    monkeypatch.setattr(measuring_loop, "_ON_CPU", 1)
    alone = sweep(to(tmp_path / "alone"), console=silent())
    _, outcome, _ = undisturbed
    assert max(at_a_time) > 1
    assert outcome.results.read_bytes() == beside.results.read_bytes() == alone.results.read_bytes()


@pytest.mark.parametrize(
    "arrangement", [{"models_at_a_time": 3}, {"mesh": "2x2"}, {"mesh": "auto"}]
)
def test_arrangements_change_no_result_but_by_rounding(
    undisturbed, tmp_path, arrangement, four_devices
):
    _, outcome, _ = undisturbed
    other = sweep(to(tmp_path / "run", **arrangement), console=silent()).table
    measured = [*results.COLUMNS[:4], *results.COLUMNS[5:-1]]
    one = outcome.table[outcome.table["metric"] == "train_loss"]
    another = other[other["metric"] == "train_loss"]
    pd.testing.assert_frame_equal(one[measured], another[measured])
    np.testing.assert_allclose(one["value"], another["value"], rtol=1e-3)


def test_options_reach_the_training(tmp_path, monkeypatch):
    config = dataclasses.replace(
        CONFIG,
        training=TrainingOptions(
            epochs=3,
            batch_size=16,
            learning_rate=0.02,
            warmup_epochs=1.5,
            momentum=0.5,
            weight_decay=0.25,
        ),
        regularizer=RegularizerOptions(
            alpha=ALPHAS,
            seeds=SEEDS,
            regularized_layers=("second",),
            alpha_epochs=(2, 3),
            alpha_warmup_epochs=0.5,
        ),
    )
    asked_for = []

    def spy(population, training_images, done, *, recipe, models_at_a_time, mesh):
        images = training_images.samples
        asked_for.append((population.hyperparameters, images, recipe, models_at_a_time))
        raise KeyboardInterrupt

    monkeypatch.setattr(training_loop, "steps_of_epoch", spy)
    for at_a_time in (3, 9):
        folder = tmp_path / str(at_a_time)
        with pytest.raises(KeyboardInterrupt):
            sweep(to(folder, config, models_at_a_time=at_a_time), console=silent())
    (hyperparameters, images, recipe, three), (*_, all_four) = asked_for
    assert images == 70
    assert (three, all_four) == (3, 4)
    np.testing.assert_array_equal(hyperparameters.alpha, [-1, -1, 2, 2])
    np.testing.assert_allclose(hyperparameters.learning_rate, np.full(4, 0.02))
    assert recipe.network == of_module(TinyNetwork(10))
    assert (recipe.epochs, recipe.batch_size, recipe.momentum) == (3, 16, 0.5)
    assert (recipe.weight_decay, recipe.layers) == (0.25, ("second",))
    np.testing.assert_array_equal(hyperparameters.alpha_epochs, 4 * [[1, 3]])
    np.testing.assert_array_equal(hyperparameters.warmup_epochs, 4 * [1.5])
    np.testing.assert_array_equal(hyperparameters.alpha_warmup_epochs, 4 * [0.5])
    np.testing.assert_allclose(hyperparameters.learning_rate_drops, 4 * [[0.5, 0.75]])
    assert not recipe.horizontal_flip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"training": TrainingOptions(batch_size=71)},
            "--batch-size 71: larger than the training set; give at most 70.",
        ),
        (
            {"regularizer": RegularizerOptions(regularized_layers=("secnd",))},
            "--regularized-layers secnd: unknown; did you mean second?",
        ),
        ({"training": TrainingOptions(epochs=0)}, "--epochs 0: "),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_run(tmp_path, monkeypatch, changes, says):
    monkeypatch.setattr(experiment, "train_group", None)
    with pytest.raises(ConfigurationError) as raised:
        sweep(to(tmp_path / "run", dataclasses.replace(CONFIG, **changes)), console=silent())
    assert str(raised.value).startswith(says)
    assert not list(tmp_path.rglob("*.json"))


def test_a_batch_as_large_as_the_training_set_is_fine(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "train_group", at_call(None, 1))
    config = dataclasses.replace(CONFIG, training=TrainingOptions(batch_size=70))
    with pytest.raises(KeyboardInterrupt):
        sweep(to(tmp_path, config), console=silent())


def test_a_damaged_table_is_refused_before_anything_is_trained(undisturbed, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "train_group", at_call(None, 1))
        with pytest.raises(KeyboardInterrupt):
            sweep(to(tmp_path), console=silent())
    (tmp_path / "results.csv").write_text("nothing of ours\n")
    monkeypatch.setattr(experiment, "train_group", None)
    with pytest.raises(ConfigurationError) as raised:
        sweep(to(tmp_path, resume=True), console=silent())
    text = str(raised.value)
    assert text.startswith(f"--output {tmp_path}: ")
    assert "results.csv" in text
    assert "remove" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ({"dry_run": True}, "dry_run True: .* call selectax.study.dry_runs.dry_run"),
        (
            {"coordinator": "localhost:1", "hosts": 2, "host": 0},
            "coordinator localhost:1: .* call selectax.study.runtime.hosts.join",
        ),
        ({"hosts": 2, "host": 0}, "--hosts 2 --host 0: no effect without a --coordinator"),
    ],
)
def test_what_only_the_command_does_is_refused(run, says, tmp_path):
    with pytest.raises(ConfigurationError, match=says):
        sweep(to(tmp_path / "run", **run), console=silent())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("differs", [False, True])
def test_a_network_trained_again_with_another_result_is_measured_anew(
    undisturbed, tmp_path, monkeypatch, differs
):
    """As a half measured run whose checkpoints are lost, continued on another machine."""
    expected, outcome, _ = undisturbed
    folder = tmp_path / "run"
    shutil.copytree(expected, folder)
    shutil.rmtree(folder / "checkpoints")
    first, half = NetworkId(ALPHAS[0], 0), NetworkId(ALPHAS[0], 1)
    whole = outcome.table
    of_half = (whole["alpha"] == half.alpha) & (whole["seed"] == half.seed)
    lost = of_half & whole["perturbation"].str.contains("fgsm|pgd|contrast|corruptions")
    table = whole[~lost].copy()
    if differs:
        for network in (first, half):
            of_network = (table["alpha"] == network.alpha) & (table["seed"] == network.seed)
            is_loss = of_network & (table["metric"] == "train_loss") & (table["epoch"] == 1)
            table.loc[is_loss, "value"] *= 1 + 2**-20
            table.loc[of_network & (table["metric"] == "accuracy"), "value"] = 0.125
    for path in (folder / "results.csv", folder / "results.parquet"):
        results.save(path, table)
    content = json.loads((folder / "networks.json").read_text())
    for one in content["measured"]:
        if (one["alpha"], one["seed"]) == half[:2]:
            one["measures"] = [
                name for name in one["measures"] if name not in ("attacks", "corruptions")
            ]
            one["rows"] -= int(lost.sum())
    (folder / "networks.json").write_text(json.dumps(content))
    console = Console(file=io.StringIO(), width=300)
    with monkeypatch.context() as patch:
        if not differs:  # what was measured of the same training is kept
            patch.setattr(clean, "accuracy", None)
        found = sweep(to(folder, resume=True), console=console).table
    said = f"{half}: was trained again, and the result differs"
    assert (said in console.file.getvalue()) == differs
    assert str(first) + ": was trained" not in console.file.getvalue()
    pd.testing.assert_frame_equal(rows_of(found, *half[:2]), rows_of(whole, *half[:2]))
    # A network of the group that lacks nothing keeps its rows, which are all of one training.
    kept = rows_of(table, *first[:2])
    pd.testing.assert_frame_equal(rows_of(found, *first[:2]), kept)
    assert (folder / "units.parquet").read_bytes() == (expected / "units.parquet").read_bytes()


def test_damaged_values_of_units_are_refused_before_anything_is_trained(
    undisturbed, tmp_path, monkeypatch
):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed[0], folder)
    results.save(folder / "results.csv", results.table([]))
    (folder / "units.parquet").write_bytes(b"nothing of ours")
    monkeypatch.setattr(experiment, "train_group", None)
    with pytest.raises(ConfigurationError, match=r"units\.parquet: is no table.*; remove it to"):
        sweep(to(folder, resume=True), console=silent())


PROGRAM = """
import os, signal, sys
from pathlib import Path
from rich.console import Console
from selectax import models
from selectax.study import training_loop
from selectax.study.run import results
from selectax.study.sweeps import sweep
from tests.study.test_sweeps import to
from tests.study.tiny import TinyNetwork

models.create = lambda name, num_classes: TinyNetwork(num_classes)
folder, point, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
places = {"epoch": (training_loop, "steps_of_epoch"), "rename": (os, "rename"),
          "results": (results, "save"), "replace": (Path, "replace")}

def kill_at_call(function, calls=[]):
    def killing(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return killing

if point in places:
    where, name = places[point]
    setattr(where, name, kill_at_call(getattr(where, name)))
sweep(to(folder, resume=folder.exists(), no_report=True), console=Console(stderr=True))
"""


def test_a_killed_process_goes_on_as_if_nothing_had_been(undisturbed, tmp_path):
    """Killed between epochs, within a checkpoint, between networks and within the table."""

    def sweep_in_a_process(folder, point="none", number=0):
        root = Path(__file__).parents[2]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", PROGRAM, str(folder), point, str(number)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        return done.returncode, done.stderr

    expected, *_ = undisturbed
    killed = tmp_path / "killed"
    for point, number in (("epoch", 2), ("rename", 1), ("results", 2), ("replace", 3)):
        code, told = sweep_in_a_process(killed, point, number)
        assert code == -9, (point, told)
    code, told = sweep_in_a_process(killed)
    assert code == 0, told
    for name in ("results.csv", "config.json", "layers.json"):
        assert (killed / name).read_bytes() == (expected / name).read_bytes()


def rows_of(table, alpha, seed):
    rows = table[(table["alpha"] == alpha) & (table["seed"] == seed)]
    return rows.reset_index(drop=True)


def test_alphas_and_seeds_that_are_added_run_alone_and_as_they_would_have(undisturbed, tmp_path):
    _, outcome, _ = undisturbed
    folder = tmp_path / "run"
    fewer = dataclasses.replace(CONFIG, regularizer=RegularizerOptions(alpha=(2.0,), seeds=1))
    sweep(to(folder, fewer), console=silent())
    before = (folder / "checkpoints").stat().st_mtime_ns
    console = Console(file=io.StringIO(), width=200)
    table = sweep(to(folder, resume=True), console=console).table
    said = console.file.getvalue()
    assert "Training 3 networks, epoch 3/3" in said
    assert "Training 1 networks" not in said
    assert (folder / "checkpoints").stat().st_mtime_ns == before
    groups = json.loads((folder / "networks.json").read_text())["groups"]
    assert [len(group) for group in groups] == [1, 3]
    assert json.loads((folder / "config.json").read_text())["alpha"] == [2.0, -1.0]
    pd.testing.assert_frame_equal(table, outcome.table, rtol=1e-5)


def test_array_jobs_share_out_the_seeds(undisturbed, tmp_path):
    """The last seed first, begun by --resume in a folder of a name that globs misread."""
    _, expected, _ = undisturbed
    folder, console = tmp_path / "seeds=[0,1]", Console(file=io.StringIO(), width=300)
    last = dataclasses.replace(CONFIG.regularizer, first_seed=1, seeds=1)
    config = dataclasses.replace(CONFIG, regularizer=last)
    table = sweep(to(folder, config, resume=True), console=console).table
    assert f"--resume: there is no run in {folder} yet; starting one." in console.file.getvalue()
    of_last = expected.table[expected.table["seed"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, of_last)
    written = json.loads((folder / "config.json").read_text())
    assert (written["first_seed"], written["seeds"]) == (1, 1)
    table = sweep(to(folder, resume=True), console=silent()).table
    pd.testing.assert_frame_equal(table, expected.table)
    written = json.loads((folder / "config.json").read_text())
    assert (written["first_seed"], written["seeds"]) == (0, 2)
    assert not list(folder.rglob("damaged_*"))


def test_array_jobs_are_joined_into_the_run_of_all(undisturbed, tmp_path, monkeypatch):
    """And a sweep resumed in the joined folder has nothing to train."""
    folder, expected, _ = undisturbed
    jobs = []
    for seed in range(SEEDS):
        own = dataclasses.replace(CONFIG.regularizer, first_seed=seed, seeds=1)
        jobs.append(tmp_path / f"seed {seed}")
        sweep(to(jobs[-1], dataclasses.replace(CONFIG, regularizer=own)), console=silent())
    joined = join_runs(jobs, tmp_path / "joined")
    pd.testing.assert_frame_equal(results.load(joined.results), expected.table)
    assert joined.unit_values.read_bytes() == (folder / "units.parquet").read_bytes()
    written, config = (
        json.loads((path / "config.json").read_text()) for path in (joined.path, folder)
    )
    assert written == config
    assert (joined.figures / "selectivity_by_alpha.png").exists()
    assert "× 2 seeds" in " ".join(joined.report.read_text().split())
    monkeypatch.setattr(experiment, "train_group", None)
    table = sweep(to(joined.path, resume=True), console=silent()).table
    pd.testing.assert_frame_equal(table, expected.table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["joined", "seed 0", "seed 1"]


def test_a_network_that_diverges_is_said_to_and_the_others_go_on_bit_for_bit(
    undisturbed, tmp_path, monkeypatch
):
    def learning_too_fast(networks, learning_rate, **schedules):
        found = hyperparameters_of(networks, learning_rate, **schedules)
        rates = jnp.where(found.alpha == 2, 1e30, found.learning_rate)
        return dataclasses.replace(found, learning_rate=rates)

    _, outcome, _ = undisturbed
    monkeypatch.setattr(plan, "hyperparameters_of", learning_too_fast)
    console = Console(file=io.StringIO(), width=200)
    table = sweep(to(tmp_path / "run"), console=console).table
    for seed in range(SEEDS):
        pd.testing.assert_frame_equal(
            rows_of(table, -1.0, seed), rows_of(outcome.table, -1.0, seed), check_exact=True
        )
        diverged = rows_of(table, 2.0, seed)
        assert set(diverged["metric"]) == {"diverged", "train_loss", "train_accuracy"}
        (first,) = diverged.loc[diverged["metric"] == "diverged", "epoch"]
        losses = diverged[diverged["metric"] == "train_loss"].set_index("epoch")["value"]
        assert not np.isfinite(losses[first])
        assert np.all(np.isfinite(losses.loc[: first - 1]))
        assert f"alpha 2 seed {seed}: diverged in epoch {first}" in console.file.getvalue()
    again = sweep(to(tmp_path / "run", resume=True), console=silent()).table
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize("interrupted", [corruptions, attacks])
def test_what_was_measured_of_a_network_is_not_measured_again(
    undisturbed, tmp_path, monkeypatch, interrupted
):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(interrupted, "rows", at_call(interrupted.rows, 2))
        with pytest.raises(KeyboardInterrupt):
            sweep(to(folder), console=silent())
    content = json.loads((folder / "networks.json").read_text())
    known = {(one["alpha"], one["seed"]): one["measures"] for one in content["measured"]}
    assert "clean" in known[ALPHAS[0], 1]
    called = []

    def counting(name, function):
        def counted(*arguments, **options):
            called.append(name)
            return function(*arguments, **options)

        return counted

    for module in (corruptions, attacks):
        monkeypatch.setattr(module, "rows", counting(module.__name__, module.rows))
    table = sweep(to(folder, resume=True), console=silent()).table
    _, outcome, _ = undisturbed
    pd.testing.assert_frame_equal(table, outcome.table)
    for module, measure in ((corruptions, "corruptions"), (attacks, "attacks")):
        of_networks = [known.get((alpha, seed), ()) for alpha in ALPHAS for seed in range(SEEDS)]
        lacking = [of_network for of_network in of_networks if measure not in of_network]
        assert 1 <= len(lacking) < 4
        assert called.count(module.__name__) == len(lacking)


def test_a_network_whose_rows_are_not_those_recorded_is_measured_anew(undisturbed, tmp_path):
    """As after a crash between writing the table and networks.json."""
    expected, outcome, _ = undisturbed
    folder = tmp_path / "run"
    shutil.copytree(expected, folder)
    content = json.loads((folder / "networks.json").read_text())
    content["measured"][1]["measures"].remove("attacks")
    content["measured"][1]["rows"] -= 7
    (folder / "networks.json").write_text(json.dumps(content))
    table = sweep(to(folder, resume=True), console=silent()).table
    pd.testing.assert_frame_equal(table, outcome.table)
    assert (folder / "networks.json").read_bytes() == (expected / "networks.json").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 15)])
def test_a_signal_in_training_leaves_a_checkpoint_within_the_epoch(
    undisturbed, tmp_path, monkeypatch, number, code
):
    """Sent after the second step of the second epoch."""
    folder = tmp_path / "run"
    pieces = training_loop.steps_of_epoch

    def signalling(*arguments, **options):
        for done, population in pieces(*arguments, piece_seconds=0, **options):
            if done == 70 // 16 + 2:
                signal.raise_signal(number)
            yield done, population

    console = Console(file=io.StringIO(), width=200)
    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "steps_of_epoch", signalling)
        with pytest.raises(Stopped) as stopped:
            sweep(to(folder), console=console)
    assert stopped.value.number == code
    assert (
        "Stopping after the next checkpoint; press Ctrl-C again to stop now."
        in console.file.getvalue()
    )
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["4", "6"]
    table = sweep(to(folder, resume=True), console=silent()).table
    _, outcome, _ = undisturbed
    pd.testing.assert_frame_equal(table, outcome.table)


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(undisturbed, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    save = results.save
    # Otherwise all measures of these networks would be written at once.
    monkeypatch.setattr(table_file, "_SECONDS_BETWEEN_WRITES", 0)

    def full(*arguments, calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) == 4:
            raise OSError(28, "No space left on device", str(arguments[0]))
        return save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(results, "save", full)
        with pytest.raises(OSError, match="No space left"):
            sweep(to(folder), console=silent())
    assert len(results.load(folder / "results.csv"))
    table = sweep(to(folder, resume=True), console=silent()).table
    _, outcome, _ = undisturbed
    pd.testing.assert_frame_equal(table, outcome.table)


@pytest.mark.parametrize(
    "name", ["networks.json", "layers.json", "results.csv", "figures/selectivity_by_alpha.png"]
)
def test_a_removed_file_is_made_again(undisturbed, tmp_path, name):
    expected, outcome, _ = undisturbed
    folder = tmp_path / "run"
    shutil.copytree(expected, folder)
    (folder / name).unlink()
    table = sweep(to(folder, resume=True), console=silent()).table
    pd.testing.assert_frame_equal(table, outcome.table)
    assert (folder / name).exists()
    if name.endswith(".json"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes()


def test_a_whole_table_is_taken_without_checkpoints_and_in_either_format(
    undisturbed, tmp_path, monkeypatch
):
    expected, outcome, _ = undisturbed
    folder = tmp_path / "run"
    shutil.copytree(expected, folder)
    shutil.rmtree(folder / "checkpoints")
    (folder / "results.csv").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "steps_of_epoch", None)
        table = sweep(to(folder, resume=True), console=silent()).table
    pd.testing.assert_frame_equal(table, outcome.table)
    assert not (folder / "checkpoints").exists()
    # But a network that is missing is trained, and with it its group, as it was.
    results.save(folder / "results.csv", table[table["alpha"] != 2])
    (folder / "results.parquet").unlink()
    again = sweep(to(folder, resume=True), console=silent()).table
    pd.testing.assert_frame_equal(again, outcome.table)


@pytest.mark.parametrize("content", ["", "{", '{"groups": [[{"alpha": 1}]]}', "[1]"])
def test_a_damaged_list_of_networks_is_refused_with_the_remedy(undisturbed, tmp_path, content):
    expected, *_ = undisturbed
    folder = tmp_path / "run"
    shutil.copytree(expected, folder)
    (folder / "networks.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"networks.json cannot be read; remove that file"):
        sweep(to(folder, resume=True), console=silent())
