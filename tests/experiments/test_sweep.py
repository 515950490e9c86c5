"""The command: what it refuses and how, its help, and what Ctrl-C leaves behind."""

import dataclasses
import io
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import jax
import numpy as np
import pytest

from selectax.commands import sweep
from selectax.study import sweeps as experiment
from selectax.study.configuration import options
from selectax.study.configuration.config import SweepConfig, defaults_of
from selectax.study.report.findings import find
from selectax.study.run import results

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "experiments" / "sweep.py")]
NAMES = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"
SMALL = (
    *("--train-limit", "64", "--batch-size", "32", "--alpha", "-1", "1", "--seeds", "1"),
    *("--measures", "selectivity", "--evaluation-images", "20"),
)


def run_command(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, **options
    )


def assert_one_sentence(text, *words):
    """A line that ends with a period; a question in it proposes the nearest name."""
    assert text.endswith(".\n")
    assert text.count("\n") == 1
    assert ". " not in text
    assert "Traceback" not in text
    for word in words:
        assert str(word) in text


@pytest.fixture
def refuse(monkeypatch, capfd):
    """Runs the command in this process, and gives what it says on refusing its arguments."""

    def refused(*arguments):
        compiled = []

        def listener(event, *_, **__):
            if event == "/jax/core/compile/backend_compile_duration":
                compiled.append(event)

        monkeypatch.setattr(sys, "argv", ["sweep.py", *map(str, arguments)])
        # Beyond the checks there is only work.
        monkeypatch.setattr(experiment, "train_group", None)
        jax.monitoring.register_event_duration_secs_listener(listener)
        try:
            assert sweep.main() == 2
        finally:
            jax.monitoring.unregister_event_duration_listener(listener)
        assert compiled == []
        out, err = capfd.readouterr()
        assert out == ""
        return err

    return refused


@pytest.fixture
def archives(tmp_path):
    """A folder with a small archive of the official form but of another checksum."""
    folder = tmp_path / "archives"
    folder.mkdir()
    files = {"batches.meta.txt": NAMES}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        files[f"{name}.bin"] = b"".join(bytes([n % 10]) + bytes([n]) * 3072 for n in range(20))
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return folder


@pytest.mark.parametrize(
    ("arguments", "flag_and_value", "remedy"),
    [
        (("--alpha", "0", "nan"), "--alpha nan", "give a finite number"),
        (("--alpha", "-1", "inf", "0"), "--alpha inf", "give a finite number"),
        (("--alpha", "-inf"), "--alpha -inf", "give a finite number"),
        (("--dataset", "cifar"), "--dataset cifar", "did you mean cifar10?"),
        (("--model", "resnet80"), "--model resnet80", "did you mean resnet8?"),
        (("--corruptions", "contrst"), "--corruptions contrst", "did you mean contrast?"),
        (
            ("--regularized-layers", "stage1_block1_iner"),
            "--regularized-layers stage1_block1_iner",
            "did you mean stage1_block1_inner?",
        ),
        (("--batch-size", "0"), "--batch-size 0", "at least 1"),
        (("--batch-size", "-1"), "--batch-size -1", "at least 1"),
        (("--epochs", "0"), "--epochs 0", "at least 1"),
        (("--seeds", "0"), "--seeds 0", "at least 1"),
        (("--train-limit", "0"), "--train-limit 0", "at least 1"),
        (("--evaluation-images", "-5"), "--evaluation-images -5", "at least 1"),
        (("--attack-images", "0"), "--attack-images 0", "at least 1"),
        (("--evaluation-batch-size", "0"), "--evaluation-batch-size 0", "at least 1"),
        (
            ("--train-limit", "50", "--batch-size", "51"),
            "--batch-size 51",
            "larger than the training set; give at most 50",
        ),
        (("--batch-size", "1300"), "--batch-size 1300", "larger than the training set"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    refuse, tmp_path, arguments, flag_and_value, remedy
):
    text = refuse(*arguments, "--output", tmp_path / "run")
    assert text.startswith(f"{flag_and_value}: ")
    assert_one_sentence(text, remedy)
    assert not list(tmp_path.rglob("*.json"))


def test_archives_that_are_not_there_are_refused(refuse, tmp_path):
    arguments = ("--dataset", "cifar10", "--data-dir", tmp_path / "data", "--output")
    source = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    missing = tmp_path / "missing"
    text = refuse(*arguments, tmp_path / "run", "--archives", missing)
    assert_one_sentence(text, f"--archives {missing}: no such folder", source)
    missing.mkdir()
    text = refuse(*arguments, tmp_path / "run", "--archives", missing)
    assert_one_sentence(text, f"--archives {missing}: holds no cifar-10-binary.tar.gz", source)


def test_archives_that_are_damaged_or_not_official_are_refused(refuse, archives, tmp_path):
    arguments = ("--dataset", "cifar10", "--archives", archives)
    arguments += ("--data-dir", tmp_path / "data", "--output", tmp_path / "run")
    archive = archives / "cifar-10-binary.tar.gz"
    text = refuse(*arguments)
    assert_one_sentence(text, archive, "SHA-256", "--allow-unverified-archives", "toronto.edu")
    whole = archive.read_bytes()
    corrupt = bytearray(whole)
    corrupt[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], bytes(corrupt), b"", b"no archive"):
        archive.write_bytes(content)
        text = refuse(*arguments, "--allow-unverified-archives")
        assert_one_sentence(text, archive, "get a new copy")
    archive.write_bytes(whole)
    # The archive itself is fine: what is refused now is its size.
    text = refuse(*arguments, "--allow-unverified-archives", "--batch-size", "91")
    assert_one_sentence(text, "--batch-size 91: ", "give at most 90")


def test_a_folder_that_cannot_be_written_is_refused(refuse, archives, tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        text = refuse("--output", path)
        assert_one_sentence(text, f"--output {path}: cannot be written", "choose another folder")
    arguments = ("--dataset", "cifar10", "--archives", archives, "--allow-unverified-archives")
    data_dir = tmp_path / "file" / "data"
    text = refuse(*arguments, "--data-dir", data_dir, "--output", tmp_path / "run")
    assert text.startswith(f"--data-dir {data_dir}")
    assert_one_sentence(text, ": cannot be written (", "name another folder")


def test_folders_of_other_runs_are_refused(refuse, tmp_path, monkeypatch):
    path = tmp_path / "run"

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "train_group", stop)
    run_options = options.RunOptions(output=path)
    with pytest.raises(KeyboardInterrupt):
        experiment.sweep(dataclasses.replace(defaults_of("digits"), run=run_options))
    assert_one_sentence(
        refuse("--output", path), f"--output {path}: already holds a run", "--resume"
    )
    text = refuse("--output", path, "--resume", "--batch-size", "2", "--train-limit", "100")
    assert_one_sentence(text, f"--output {path}: ", "--batch-size (was 32, now 2)")
    assert_one_sentence(text, "--train-limit (was None, now 100)", "give the same flags")
    assert "--epochs" not in text
    (path / "config.json").write_text("{")
    text = refuse("--output", path, "--resume")
    assert_one_sentence(text, f"--output {path}: ", "config.json cannot be read")
    (path / "config.json").rename(path / "other.json")
    text = refuse("--output", path)
    assert_one_sentence(text, f"--output {path}: holds files", "choose an empty folder")


def test_a_refusal_is_exit_code_2_without_a_traceback():
    done = run_command("--alpha", "-1", "nan")
    assert done.returncode == 2
    assert done.stdout == ""
    assert_one_sentence(done.stderr, "--alpha nan: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--alhpa", "0"), "--alhpa: unknown; did you mean --alpha?"),
        (("--epochs", "1.5"), "--epochs 1.5: give a whole number."),
        (("--norm", "l3"), "--norm l3: unknown; did you mean l2? Known are linf, l2."),
        (("--alpha", "much"), "--alpha much: give a number."),
    ],
)
def test_unknown_flags_and_values_of_another_type_are_refused(monkeypatch, capsys, arguments, says):
    monkeypatch.setattr(sys, "argv", ["sweep.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        sweep.main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert_one_sentence(err, says)


def test_help_explains_every_flag_with_its_default():
    done = run_command("--help")
    assert done.returncode == 0
    text = re.sub(r"[│╭╮╰╯─\s]+", " ", done.stdout)
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
    assert [number for number, _ in verdicts] == list("1234567")
    assert out.index("cannot say  7.") < out.index("Results: ")


@pytest.mark.slow
def test_ctrl_c_ends_a_sweep_at_once_and_resume_goes_on(tmp_path):
    arguments = (*SMALL, "--epochs", "12", "--output", str(tmp_path / "run"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    ) as sweeping:
        first = sweeping.stderr.readline()
        assert first.startswith("Training 2 networks, epoch 1/12")
        sweeping.send_signal(signal.SIGINT)
        told = sweeping.stderr.read()
        assert sweeping.wait(timeout=60) == 130
    assert "Traceback" not in told
    assert_one_sentence(told.splitlines(keepends=True)[-1], "--resume", tmp_path / "run")
    assert not (tmp_path / "run" / "results.csv").exists()
    done = run_command(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    epochs = re.findall(r"epoch (\d+)/12", done.stderr)
    assert 1 not in map(int, epochs)
    assert epochs[-1] == "12"
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
