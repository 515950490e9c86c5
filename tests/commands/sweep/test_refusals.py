"""The command refuses invalid options in one sentence, before it does or compiles anything."""

import dataclasses
import sys

import pytest

from selectax.commands import sweep
from selectax.study import sweeps as experiment
from selectax.study.configuration import options
from selectax.study.configuration.config import defaults_of
from tests.commands.sweep.processes import assert_one_sentence, run_command
from tests.compiling import counted_compilations


@pytest.fixture
def refuse(monkeypatch, capfd):
    """Runs the command in this process, and gives what it says on refusing its arguments."""

    def refused(*arguments):
        monkeypatch.setattr(sys, "argv", ["sweep.py", *map(str, arguments)])
        # Beyond the checks there is only work.
        monkeypatch.setattr(experiment, "train_group", None)
        with counted_compilations() as compiled:
            assert sweep.main() == 2
        assert compiled == []
        out, err = capfd.readouterr()
        assert out == ""
        return err

    return refused


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
        (
            ("--model", "vgg16", "--regularized-layers", "block-outputs-by-stage"),
            "--regularized-layers block-outputs-by-stage",
            "choose a residual network",
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
