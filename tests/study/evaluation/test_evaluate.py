"""One network measured: of a sweep, as the sweep measured it; of a file; and what is refused."""

import dataclasses
import io
import json
import shutil
import signal
import sys

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from safetensors.numpy import save_file

from selectax import datasets, models
from selectax.commands import evaluate as command
from selectax.models.pytorch.files import WeightsError
from selectax.study import plan, training_loop
from selectax.study import sweeps as experiment
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.options import (
    DataOptions,
    EvaluationOptions,
    RegularizerOptions,
    RunOptions,
    TrainingOptions,
)
from selectax.study.evaluation import foreign_weights
from selectax.study.evaluation.evaluate import evaluate
from selectax.study.evaluation.table import (
    alone_with,
    begin_table,
    check_epoch,
    check_weights,
    digest_of,
    recorded_weights,
    write_record,
)
from selectax.study.measures import clean, indices
from selectax.study.measures.registry import MEASURES
from selectax.study.plan import hyperparameters_of
from selectax.study.run import results
from selectax.study.run.networks import UNKNOWN_ALPHA, NetworkId, Progress
from selectax.study.runtime.signals import Stopped
from tests.study.tiny import TinyNetwork, draw_little

pytestmark = pytest.mark.slow

EVALUATION = EvaluationOptions(
    measures=tuple(MEASURES),
    evaluation_images=40,
    attack_images=13,
    evaluation_batch_size=16,
    corruptions=("contrast", "gaussian_noise"),
    severities=(2, 5),
    epsilons=(4.0,),
    pgd_steps=(2,),
)
SWEEP = SweepConfig(
    data=DataOptions(train_limit=70),
    training=TrainingOptions(epochs=2, batch_size=16),
    regularizer=RegularizerOptions(alpha=(-1.0, 2.0), seeds=2),
    evaluation=EVALUATION,
)


def silent():
    return Console(file=io.StringIO(), width=400)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Folder and table of a sweep of tiny networks."""
    folder = tmp_path_factory.mktemp("runs") / "sweep"
    config = dataclasses.replace(SWEEP, run=RunOptions(output=folder, mesh="1x1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
        draw_little(patch.setattr)
        return folder, experiment.sweep(config, console=silent()).table


def weights_of_resnet8():
    """In PyTorch's names and order of axes."""
    generator = np.random.default_rng(0)
    arrays = {}

    def convolution_and_norm(convolution, norm, features, channels):
        kernel = generator.normal(size=(features, channels, 3, 3))
        arrays[f"{convolution}.weight"] = kernel * np.sqrt(2 / (9 * channels))
        for kind in ("weight", "running_var"):
            arrays[f"{norm}.{kind}"] = generator.uniform(0.5, 1.5, features)
        for kind in ("bias", "running_mean"):
            arrays[f"{norm}.{kind}"] = generator.normal(size=features) * 0.1

    convolution_and_norm("conv1", "bn1", 16, 3)
    for stage, (channels, features) in enumerate(((16, 16), (16, 32), (32, 64)), start=1):
        block = f"layer{stage}.0"
        convolution_and_norm(f"{block}.conv1", f"{block}.bn1", features, channels)
        convolution_and_norm(f"{block}.conv2", f"{block}.bn2", features, features)
    arrays |= {"linear.weight": generator.normal(size=(10, 64)), "linear.bias": np.zeros(10)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.mark.parametrize(("alpha", "seed"), [(-1.0, 1), (2.0, 0)])
def test_a_network_of_a_sweep_gives_its_rows_there(sweep, tmp_path, monkeypatch, alpha, seed):
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    folder, table = sweep
    file = tmp_path / "one.csv"
    found = evaluate(
        EvaluateConfig(folder, alpha=alpha, seed=seed, output=file, evaluation=EVALUATION), silent()
    )
    there = table[(table["alpha"] == alpha) & (table["seed"] == seed)]
    expected = there[~there["metric"].str.startswith("train_")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)
    pd.testing.assert_frame_equal(results.load(file), found)


def test_all_networks_of_a_sweep_give_their_rows_there(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    folder, table = sweep
    console = silent()
    file = tmp_path / "all.csv"
    found = evaluate(EvaluateConfig(folder, output=file, evaluation=EVALUATION), console)
    expected = table[~table["metric"].str.startswith("train_")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)
    pd.testing.assert_frame_equal(results.load(file), found)
    assert "4/4  alpha 2 seed 1" in console.file.getvalue()


def test_a_file_of_weights_is_measured_by_the_command(tmp_path, monkeypatch, capsys):
    weights = tmp_path / "weights.safetensors"
    save_file(weights_of_resnet8(), weights)
    monkeypatch.chdir(tmp_path)
    arguments = ["--weights", weights, "--model", "resnet8", "--dataset", "digits"]
    arguments += ["--measures", "selectivity", "--evaluation-images", "60"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
    assert command.main() == 0
    out, _ = capsys.readouterr()
    assert "weights.safetensors_results.csv" in out
    table = results.load(tmp_path / "weights.safetensors_results.csv")
    images, labels = (part[:60] for part in datasets.load("digits", "test"))
    variables = models.from_torch(weights, "resnet8", 10)
    logits, activations = models.create("resnet8", 10).apply(variables, images / np.float32(255))
    accuracy = np.mean(np.argmax(logits, axis=-1) == labels)
    of_network = table[table["layer"] == ""].set_index("metric")["value"]
    np.testing.assert_allclose(of_network["accuracy"], accuracy)
    assert set(table["layer"]) - {""} == set(activations)
    assert table["alpha"].isna().all()
    assert set(table["epoch"]) == {0}


def sentence_of(config):
    with pytest.raises((ConfigurationError, WeightsError)) as refusal:
        evaluate(config, silent())
    says = str(refusal.value)
    assert says.endswith(".")
    assert "\n" not in says
    return says


def test_networks_that_are_not_there_are_refused(sweep, tmp_path):
    folder, _ = sweep
    says = sentence_of(EvaluateConfig(folder, alpha=0.5, evaluation=EVALUATION))
    assert "--alpha 0.5: no network of this sweep; its alphas are -1 2" in says
    says = sentence_of(EvaluateConfig(folder, alpha=2.0, seed=2, evaluation=EVALUATION))
    assert "seeds 0 to 1" in says
    elsewhere = tmp_path / "missing" / "one.csv"
    says = sentence_of(EvaluateConfig(folder, alpha=2.0, output=elsewhere, evaluation=EVALUATION))
    assert f"--output {elsewhere}: {elsewhere.parent} is no folder; make it" in says
    assert "no such file or folder" in sentence_of(EvaluateConfig(tmp_path / "missing.pt"))
    assert "holds no config.json of a sweep" in sentence_of(EvaluateConfig(tmp_path))
    untrained = tmp_path / "untrained"
    untrained.mkdir()
    shutil.copy(folder / "config.json", untrained)
    assert "holds no checkpoint yet" in sentence_of(EvaluateConfig(untrained, alpha=2.0))
    (untrained / "config.json").write_text(json.dumps({"model": "resnet8"}))
    assert "holds no config.json of a sweep" in sentence_of(EvaluateConfig(untrained, alpha=2.0))


def test_networks_without_a_whole_epoch_are_not_measured(sweep, tmp_path, monkeypatch):
    """As of a sweep that went on with another seed, and was stopped in its first epoch."""
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    folder = tmp_path / "sweep"
    shutil.copytree(sweep[0], folder)
    pieces = training_loop.steps_of_epoch

    def signalling(*arguments, **options):
        for done, population in pieces(*arguments, piece_seconds=0, **options):
            signal.raise_signal(signal.SIGINT)
            yield done, population

    monkeypatch.setattr(training_loop, "steps_of_epoch", signalling)
    more = dataclasses.replace(SWEEP.regularizer, seeds=3)
    run = RunOptions(output=folder, mesh="1x1", resume=True)
    with pytest.raises(Stopped):
        experiment.sweep(dataclasses.replace(SWEEP, regularizer=more, run=run), console=silent())
    options, file = EvaluationOptions(measures=(), evaluation_images=20), tmp_path / "table.csv"
    config = EvaluateConfig(folder, output=file, evaluation=options)
    says = sentence_of(dataclasses.replace(config, seed=2))
    assert says == (
        f"--weights {folder}: no network that is asked for was trained for a whole epoch yet; "
        "resume the sweep first."
    )
    console = silent()
    table = evaluate(config, console)
    assert set(table["seed"]) == {0, 1}
    assert 0 not in set(table["epoch"])
    assert "the networks alpha -1 seed 2 and 1 more are left out, not" in console.file.getvalue()


def test_another_sweep_of_the_same_settings_is_not_taken_for_the_one_of_the_table(
    sweep, tmp_path, monkeypatch
):
    """As after a sweep of the same flags on another machine, into another folder of its name."""
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    draw_little(monkeypatch.setattr)
    options, file = EvaluationOptions(measures=(), evaluation_images=20), tmp_path / "table.csv"
    config = EvaluateConfig(sweep[0], seed=0, output=file, evaluation=options)
    first = evaluate(config, silent())
    kept = file.read_bytes(), file.with_suffix(".evaluation.json").read_bytes()

    def otherwise(networks, learning_rate, **schedules):
        return hyperparameters_of(networks, learning_rate * 1.001, **schedules)

    monkeypatch.setattr(plan, "hyperparameters_of", otherwise)
    other = tmp_path / "sweep"
    run = RunOptions(output=other, mesh="1x1", no_report=True)
    experiment.sweep(dataclasses.replace(SWEEP, run=run), console=silent())
    assert (other / "config.json").read_bytes() == (sweep[0] / "config.json").read_bytes()
    says = sentence_of(dataclasses.replace(config, weights=other))
    assert says.startswith(f"--output {file}: holds alpha -1 seed 0 with other weights than those")
    assert (file.read_bytes(), file.with_suffix(".evaluation.json").read_bytes()) == kept
    pd.testing.assert_frame_equal(evaluate(config, silent()), first)
    # A table of an earlier version, without digests, is continued.
    beside = file.with_suffix(".evaluation.json")
    record = json.loads(beside.read_text())
    assert all(len(one.pop("weights")) == 64 for one in record["measured"])
    beside.write_text(json.dumps(record))
    both = evaluate(dataclasses.replace(config, seed=None), silent())
    pd.testing.assert_frame_equal(both[both["seed"] == 0].reset_index(drop=True), first)


def test_weights_of_another_network_are_refused_and_leave_no_file(tmp_path, monkeypatch, capsys):
    weights = tmp_path / "weights.safetensors"
    save_file(weights_of_resnet8(), weights)
    monkeypatch.chdir(tmp_path)
    arguments = ["--weights", str(weights), "--model", "resnet20", "--dataset", "digits"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments])
    assert command.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "holds no weights of resnet20" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [weights]


def test_seeds_of_a_sweep_are_chosen_without_an_alpha(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "create", lambda name, num_classes: TinyNetwork(num_classes))
    folder, _ = sweep
    options = EvaluationOptions(measures=("selectivity",), evaluation_images=40)
    file = tmp_path / "seed_1.csv"
    found = evaluate(EvaluateConfig(folder, seed=1, output=file, evaluation=options), silent())
    assert set(found["seed"]) == {1}
    assert set(found["alpha"]) == {-1.0, 2.0}
    # Again with all seeds: what was measured stays, and is not measured again.
    console = silent()
    more = evaluate(EvaluateConfig(folder, output=file, evaluation=options), console)
    assert set(more["seed"]) == {0, 1}
    assert "3/4" in console.file.getvalue()
    assert "2/4" not in console.file.getvalue()
    merged = more[more["seed"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(merged, found)


def test_a_table_of_other_weights_or_options_is_not_replaced(tmp_path):
    weights = tmp_path / "model.safetensors"
    save_file(weights_of_resnet8(), weights)
    file = tmp_path / "results.csv"
    options = EvaluationOptions(measures=("selectivity",), evaluation_images=20)

    def config(**changes):
        data = DataOptions(dataset="digits")
        fields = {"model": "resnet8", "output": file, "data": data, "evaluation": options}
        return EvaluateConfig(weights, **{**fields, **changes})

    console = silent()
    evaluate(config(), console)
    said = console.file.getvalue()
    assert "model.safetensors: taken for resnet8, images normalised by mean 0.485 0.456" in said
    assert "is near chance, 0.1" in said
    before = file.read_bytes()
    fewer = dataclasses.replace(options, evaluation_images=10)
    for changes in ({"evaluation": fewer}, {"mean": (0.5, 0.5, 0.5)}):
        assert "name another file with --output, or remove it" in sentence_of(config(**changes))
    evaluate(config(), silent())
    arrays = weights_of_resnet8()
    save_file(arrays | {"linear.bias": arrays["linear.bias"] + 1}, weights)
    assert "results.csv holds something else" in sentence_of(config())
    assert file.read_bytes() == before
    (tmp_path / "thesis.csv").write_text("x")
    assert "thesis.csv holds something else" in sentence_of(config(output=tmp_path / "thesis.csv"))


def test_an_evaluation_of_a_file_goes_on_after_its_last_part(tmp_path, monkeypatch):
    weights = tmp_path / "model.safetensors"
    save_file(weights_of_resnet8(), weights)
    options = EvaluationOptions(measures=("selectivity", "indices"), evaluation_images=20)

    def to(name):
        return EvaluateConfig(
            weights,
            model="resnet8",
            output=tmp_path / name,
            data=DataOptions(dataset="digits"),
            evaluation=options,
        )

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(indices, "rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            evaluate(to("in_two.csv"), silent())
    assert "class_selectivity" in set(results.load(tmp_path / "in_two.csv")["metric"])
    with monkeypatch.context() as patch:
        patch.setattr(clean, "selectivity", None)
        evaluate(to("in_two.csv"), silent())
    evaluate(to("at_once.csv"), silent())
    for suffix in ("csv", "parquet"):
        in_two, at_once = (tmp_path / f"{name}.{suffix}" for name in ("in_two", "at_once"))
        assert in_two.read_bytes() == at_once.read_bytes()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("model", "resnet8"),
        ("mean", (0.5, 0.5, 0.5)),
        ("deviation", (1.0, 1.0, 1.0)),
        ("max_pool", True),
        ("class_order", "sorted"),
        ("key", "ema"),
    ],
)
def test_flags_of_a_file_are_refused_with_a_sweep(tmp_path, flag, value):
    says = sentence_of(EvaluateConfig(tmp_path, **{flag: value}))
    assert says.startswith(f"--{flag.replace('_', '-')}")
    assert "has no effect with --weights" in says


def test_a_data_set_is_refused_with_a_sweep(tmp_path, capsys):
    assert command.main(["--weights", str(tmp_path), "--dataset", "digits"], "evaluate") == 2
    assert capsys.readouterr().err.startswith("--dataset digits: has no effect with --weights")


def test_networks_of_sorted_class_folders_are_put_in_the_official_order():
    labels = foreign_weights._sorted_labels("tiny_imagenet")
    names = datasets.describe("tiny_imagenet").folder_names
    assert [names[label] for label in labels] == sorted(names)
    assert foreign_weights._sorted_labels("cifar10") == list(range(10))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mean": (125.3, 122.9, 113.9)}, "--mean 125.3 122.9 113.9: give numbers from 0 to 1"),
        ({"deviation": (63.0, 62.1, 66.7)}, "--deviation 63 62.1 66.7: give numbers from 0 to 1"),
        ({"data": DataOptions(train_limit=5)}, "--train-limit 5: has no effect where nothing is"),
        (
            {"data": DataOptions(validation_limit=5)},
            "--validation-limit 5: has no effect where nothing is",
        ),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(tmp_path, options, says):
    assert sentence_of(EvaluateConfig(tmp_path / "weights.pt", **options)).startswith(says)


def test_rows_of_an_earlier_epoch_are_not_taken_for_those_of_now(tmp_path):
    whose = {"dataset": "digits", "model": "resnet8", "alpha": 0.5, "seed": 1, "epoch": 2}
    table = results.table([{**whose, "metric": "accuracy", "value": 0.5}])
    path, network = tmp_path / "table.csv", NetworkId(0.5, 1)
    check_epoch(path, table, network, 2)
    check_epoch(path, table, NetworkId(0.5, 0), 3)
    with pytest.raises(ConfigurationError, match=r"seed 1 after epoch 2, but the best epoch is 3"):
        check_epoch(path, table, network, 3)


def rows_of(alpha, metrics):
    whose = {"dataset": "digits", "model": "resnet8", "alpha": alpha, "seed": 1, "epoch": 2}
    return [{**whose, "metric": metric, "value": 0.5} for metric in metrics]


@pytest.mark.parametrize("alpha", [0.5, np.nan])
def test_the_record_says_what_is_done_and_rows_without_a_record_are_dropped(tmp_path, alpha):
    path, options = tmp_path / "table.csv", {"norm": "linf"}
    begin_table(path, options)
    whose = NetworkId(UNKNOWN_ALPHA if np.isnan(alpha) else alpha, 1)
    done = {whose: Progress(frozenset({"clean", "my_measure"}), 2)}
    results.save(path, results.table(rows_of(alpha, ["accuracy", "mine"])))
    write_record(path, options, done)
    table, record = begin_table(path, options)
    assert (len(table), record) == (2, done)
    results.save(path, results.table(rows_of(alpha, ["accuracy", "mine", "half_written"])))
    table, record = begin_table(path, options)
    assert (len(table), record) == (0, {})


def test_the_table_of_a_sweep_is_continued_when_networks_are_added(tmp_path):
    path, whose = tmp_path / "table.csv", NetworkId(0.5, 1)
    # As earlier versions wrote it, with the alphas and seeds that the sweep had then.
    before = {"sweep": {"alpha": [0.5], "seeds": 2, "first_seed": 0, "epochs": 3}, "norm": "linf"}
    done = {whose: Progress(frozenset({"clean"}), 1)}
    results.save(path, results.table(rows_of(0.5, ["accuracy"])))
    write_record(path, before, done)
    now = {"sweep": {"epochs": 3}, "norm": "linf"}
    assert begin_table(path, now)[1] == done
    assert recorded_weights(path) == {}
    with pytest.raises(ConfigurationError, match="holds something else"):
        begin_table(path, {"sweep": {"epochs": 4}, "norm": "linf"})


def test_a_network_is_known_by_its_weights(tmp_path):
    path, one, other = tmp_path / "table.csv", NetworkId(0.5, 1), NetworkId(0.5, 2)
    weights = {"params": {"kernel": np.float32([[1, 2]]), "bias": np.float32([0.5])}}
    digest = digest_of(weights)
    shuffled = {"params": dict(reversed(weights["params"].items()))}
    assert digest_of(shuffled) == digest
    others = [
        {"params": {**weights["params"], "bias": np.float32([0.25])}},
        {"params": {**weights["params"], "kernel": np.float32([[1], [2]])}},
        {"params": {"kernel": weights["params"]["kernel"], "offset": np.float32([0.5])}},
    ]
    assert digest not in map(digest_of, others)
    done = {network: Progress(frozenset({"clean"}), 1) for network in (one, other)}
    write_record(path, {}, done, {one: digest})
    recorded = recorded_weights(path)
    assert recorded == {one: digest}
    check_weights(path, recorded, one, digest)
    check_weights(path, recorded, other, digest)
    with pytest.raises(ConfigurationError, match=r"holds alpha 0.5 seed 1 with other weights"):
        check_weights(path, recorded, one, digest_of(others[0]))


def test_what_an_earlier_version_measured_is_inferred(tmp_path):
    path, options = tmp_path / "table.csv", {"norm": "linf"}
    (tmp_path / "table.evaluation.json").write_text(json.dumps(options))
    results.save(path, results.table(rows_of(0.5, ["accuracy"])))
    table, record = begin_table(path, options)
    assert (len(table), record) == (1, {NetworkId(0.5, 1): Progress(frozenset({"clean"}), 1)})


def test_two_evaluations_into_one_table_are_refused_until_one_ends(tmp_path):
    weights, file = tmp_path / "model.safetensors", tmp_path / "table.csv"
    save_file(weights_of_resnet8(), weights)
    data, options = DataOptions(dataset="digits"), EvaluationOptions(measures=())

    def config(name):
        return EvaluateConfig(weights, "resnet8", output=name, data=data, evaluation=options)

    with alone_with(file):
        # The record beside the table does not depend on the table's suffix.
        for name in (file, tmp_path / "table.txt"):
            assert sentence_of(config(name)) == (
                f"--output {name}: another evaluation uses this file; wait until it ends, or "
                "choose another file."
            )
        with alone_with(tmp_path / "other.csv"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    with alone_with(file):
        begin_table(file, {})
    with alone_with(file):
        pass


def test_an_evaluation_that_was_interrupted_at_once_is_in_nobodys_way(tmp_path):
    path = tmp_path / "table.csv"
    for options in ({"norm": "linf"}, {"norm": "l2"}):
        table, record = begin_table(path, options)
        assert table.empty
        assert record == {}
        beside = json.loads((tmp_path / "table.evaluation.json").read_text())
        assert beside == {**options, "measured": []}
