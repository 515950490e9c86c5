"""What each command says when the operating system fails it."""

import errno
import os

import pytest

from selectax.commands import corrupt, data, evaluate, report
from selectax.commands.command_line.os_errors import sentence_on
from selectax.study.runtime.whole_files import whole_file

FULL = os.strerror(errno.ENOSPC)


def full_disk(*_, **__):
    """As a write to a full disk does, without the name of the file."""
    raise OSError(errno.ENOSPC, FULL)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, FULL), f"place: {FULL}; make room on the disk."),
        (OSError(errno.ENOSPC, FULL, "there"), f"there: {FULL}; make room on the disk."),
        (OSError(errno.ENOSPC, FULL, b"there"), f"there: {FULL}; make room on the disk."),
        (OSError(errno.ENOSPC, FULL, 3), f"place: {FULL}; make room on the disk."),
        (FileNotFoundError(errno.ENOENT, "No file", "it"), "it: No file; name another file."),
        (OSError("encoder error\n-2"), "place: encoder error -2; name another file."),
        (OSError("it: is lost; get a copy."), "it: is lost; get a copy."),
        (OSError(), "place: OSError; name another file."),
    ],
)
def test_the_file_the_reason_and_the_remedy_are_named(error, sentence):
    assert sentence_on(error, "place") == sentence


def test_a_remedy_of_the_command_comes_first():
    sentence = sentence_on(OSError(errno.ENOSPC, FULL), "run", "go on with --resume")
    assert sentence == f"run: {FULL}; go on with --resume."


@pytest.mark.parametrize(
    ("command", "words", "function", "place"),
    [
        (
            corrupt,
            ["--input", "digits", "--output", "out"],
            "commands.corruption.tasks.corrupt_data_set",
            "out",
        ),
        (
            corrupt,
            ["--input", "digits", "--sheet", "s.png"],
            "commands.corruption.tasks.draw_sheet",
            "s.png",
        ),
        (evaluate, ["--weights", "w.pt"], "study.evaluation.evaluate.evaluate", ""),
        (report, ["."], "study.reports.write_report_of", "report.html"),
    ],
)
def test_each_command_names_the_place_of_a_full_disk(
    command, words, function, place, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"selectax.{function}", full_disk)
    assert command.main(words, "selectax") == 2
    said = capsys.readouterr().err
    assert said.startswith(place)
    assert not said.startswith("None")
    assert said.endswith(f": {FULL}; make room on the disk.\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "function", "place"),
    [
        (["show", "digits"], "show", "digits.png"),
        (["show", "digits", "--output", "a.png"], "show", "a.png"),
        (["prepare", "cifar10", "--data-dir", "prepared"], "prepare_all", "prepared"),
        (["list"], "list_all", "folder of prepared data sets"),
    ],
)
def test_data_names_the_place_of_a_full_disk(words, function, place, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"selectax.commands.data_sets.tasks.{function}", full_disk)
    assert data.main(words, "selectax data") == 2
    assert capsys.readouterr().err == f"{place}: {FULL}; make room on the disk.\n"


def test_a_whole_file_names_itself(tmp_path):
    path = tmp_path / "table.csv"
    with pytest.raises(OSError, match=r"table\.csv"), whole_file(path, "w"):
        full_disk()
    assert not path.exists()
