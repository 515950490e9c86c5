"""Which folders a run may use, and the sentences that refuse the others."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run import locks
from selectax.study.run.folder import (
    RunFolder,
    alone_in,
    check_folder,
    check_images,
    holds_run,
    write_json,
)

CONFIG = {"dataset": "digits", "alpha": [-1.0, 0.5], "train_limit": None, "epochs": 5}


def refusal(path, config=CONFIG, *, resume=False):
    """The sentence that refuses a folder; it names the flag and the folder."""
    with pytest.raises(ConfigurationError) as raised:
        check_folder(path, config, resume=resume)
    text = str(raised.value)
    assert text.startswith(f"--output {path}: ")
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    return text


@pytest.fixture
def run(tmp_path):
    """The folder of a run under way."""
    found = check_folder(tmp_path / "run", CONFIG, resume=False)
    found.path.mkdir()
    write_json(found.config, CONFIG)
    found.results.write_text("")
    return found


def test_a_new_run_gets_its_folder_and_those_above_it(tmp_path):
    path = tmp_path / "some" / "where"
    assert check_folder(path, CONFIG, resume=False) == RunFolder(path)
    assert not path.exists()
    with alone_in(path):
        assert path.is_dir()
        assert check_folder(path, CONFIG, resume=False) == RunFolder(path)
        write_json(RunFolder(path).config, CONFIG)
    assert RunFolder(path).config.exists()


def test_resuming_where_there_is_no_run_begins_one(tmp_path):
    """So that a job that is started again may have one command line."""
    path = tmp_path / "new"
    assert check_folder(path, CONFIG, resume=True) == RunFolder(path)
    assert not holds_run(path)
    path.mkdir()
    assert check_folder(path, CONFIG, resume=True) == RunFolder(path)
    write_json(RunFolder(path).config, CONFIG)
    assert holds_run(path)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_without_locks_a_file_takes_their_place(tmp_path, monkeypatch, number):
    def without(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", without)
    warnings = []
    with alone_in(tmp_path / "run", warnings.append):
        (warning,) = warnings
        assert "its file system has no locks" in warning
        assert "\n" not in warning
        with (
            pytest.raises(ConfigurationError, match=r"another sweep.*or remove \.lock_file"),
            alone_in(tmp_path / "run"),
        ):
            pass
    with alone_in(tmp_path / "run", warnings.append):
        assert check_folder(tmp_path / "run", CONFIG, resume=False)


def test_a_run_that_was_interrupted_before_it_wrote_anything_goes_on(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), alone_in(path):
        raise KeyboardInterrupt
    assert check_folder(path, CONFIG, resume=True) == RunFolder(path)
    assert check_folder(path, CONFIG, resume=False) == RunFolder(path)


def test_a_refused_run_leaves_no_folder_and_files_stay(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(ConfigurationError), alone_in(path):
        raise ConfigurationError("refused.")
    assert not path.exists()
    (tmp_path / "thesis.tex").write_text("x")
    with alone_in(tmp_path):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_two_runs_in_one_folder_are_refused_until_one_ends_or_dies(tmp_path):
    path = tmp_path / "run"
    program = """
import sys, time
from pathlib import Path
from selectax.study.run.folder import alone_in
with alone_in(Path(sys.argv[1])):
    print("within", flush=True)
    time.sleep(100)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "within\n"
        (path / "config.json").write_text("{}")
        with pytest.raises(ConfigurationError) as raised, alone_in(path):
            pass
        assert str(raised.value) == (
            f"--output {path}: another sweep uses this folder; wait until it ends, or "
            "choose another folder."
        )
        other.kill()
    with alone_in(path):
        pass


def test_files_lie_where_the_design_says(tmp_path):
    found = RunFolder(tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in (found.config, found.layers)]
    names += [found.images.name, found.checkpoints().name, found.checkpoints(1).name]
    names += [found.networks.name, found.results.name, found.figures.name]
    assert names == [
        *("config.json", "layers.json", "images.json", "checkpoints", "checkpoints_2"),
        "networks.json",
        *("results.csv", "figures"),
    ]


def test_another_run_is_never_overwritten(run):
    text = refusal(run.path)
    assert "already holds a run" in text
    assert "--resume" in text
    assert "another folder" in text


def test_a_run_goes_on_with_the_same_configuration(run):
    assert check_folder(run.path, CONFIG, resume=True) == run


def test_another_configuration_is_refused_with_the_fields_that_differ(run):
    other = CONFIG | {"dataset": "cifar10", "train_limit": 100}
    text = refusal(run.path, other, resume=True)
    assert "--dataset (was digits, now cifar10)" in text
    assert "--train-limit (was None, now 100)" in text
    assert "--alpha" not in text
    assert "--epochs" not in text
    assert "give the same flags" in text


def test_other_networks_are_no_other_configuration(run):
    other = CONFIG | {"alpha": [-1.0, 2.0]}
    assert check_folder(run.path, other, resume=True) == run


def test_fields_that_one_configuration_lacks_differ(run):
    write_json(run.config, {**CONFIG, "old_field": 3})
    assert "--old-field (was 3, now None)" in refusal(run.path, resume=True)
    write_json(run.config, {name: CONFIG[name] for name in CONFIG if name != "epochs"})
    assert "--epochs (was None, now 5)" in refusal(run.path, resume=True)


def test_another_number_of_devices_for_each_batch_is_refused_if_it_is_recorded(run):
    write_json(run.config, CONFIG | {"devices_per_batch": 2})
    assert check_folder(run.path, CONFIG | {"devices_per_batch": 2}, resume=True) == run
    text = refusal(run.path, CONFIG | {"devices_per_batch": 4}, resume=True)
    assert "the number of devices for each batch is 2, not 4" in text
    assert "give a --mesh whose second number is 2" in text
    write_json(run.config, CONFIG)  # as runs of earlier versions have it
    assert check_folder(run.path, CONFIG | {"devices_per_batch": 4}, resume=True) == run


def test_other_images_are_refused_with_both_numbers(run):
    check_images(run, {"training": 45_000, "test": 2000})  # Nothing is known of the run's.
    write_json(run.images, {"training": 13_500, "test": 2000})
    check_images(run, {"training": 13_500, "test": 2000})
    with pytest.raises(
        ConfigurationError, match=r"\(45,000 training images instead of 13,500\)"
    ) as told:
        check_images(run, {"training": 45_000, "test": 2000})
    assert "test images" not in str(told.value)


@pytest.mark.parametrize("resume", [False, True])
def test_files_of_something_else_are_left_alone(tmp_path, resume):
    (tmp_path / "thesis.tex").write_text("x")
    assert "choose an empty folder" in refusal(tmp_path, resume=resume)
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_what_a_killed_start_left_is_no_obstacle(tmp_path):
    (tmp_path / "config.partial").write_text("{")
    check_folder(tmp_path, CONFIG, resume=False)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[1, 2]", b"null", b'"text"', b"7", b'{"alpha": [1]'],
)
def test_a_damaged_configuration_is_refused(run, content):
    run.config.write_bytes(content)
    assert "config.json cannot be read" in refusal(run.path, resume=True)


def test_a_folder_in_place_of_the_configuration_is_refused(run):
    run.config.unlink()
    run.config.mkdir()
    assert "config.json cannot be read" in refusal(run.path, resume=True)


def test_folders_that_cannot_be_made_or_written_are_refused(tmp_path, monkeypatch):
    """Root may write where others may not, so permissions alone would show nothing."""
    (tmp_path / "file").write_text("")

    def refused(path):
        with pytest.raises(ConfigurationError) as raised, alone_in(path):
            pass
        assert str(raised.value).startswith(f"--output {path}: ")
        return str(raised.value)

    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / ("n" * 300)):
        text = refused(path)
        assert "cannot be written (" in text
        assert "choose another folder" in text

    def read_only(**_):
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(locks.tempfile, "TemporaryFile", read_only)
    assert f"cannot be written ({os.strerror(30)})" in refused(tmp_path / "mounted")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that none can write")
def test_a_folder_in_which_no_file_can_be_made_is_refused():
    with (
        pytest.raises(ConfigurationError, match=r"cannot be written \("),
        alone_in(Path("/proc/self")),
    ):
        pass


def test_json_comes_back_as_written(tmp_path):
    write_json(tmp_path / "config.json", CONFIG)
    assert json.loads((tmp_path / "config.json").read_text()) == CONFIG
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_json_is_written_wholly_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    write_json(path, CONFIG)

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, {"alpha": []})
    assert json.loads(path.read_text()) == CONFIG
