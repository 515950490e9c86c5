"""A configuration is made from words: values, paths and help."""

import io
import sys
from pathlib import Path

import pytest

from selectax.commands import data
from selectax.commands.command_line import parsing
from selectax.commands.command_line.parsing import parse
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.evaluate_config import EvaluateConfig


@pytest.mark.parametrize("words", [["--alhpa", "0"], ["--epochs", "1.5"]])
def test_a_mistake_that_is_not_known_here_is_told_in_tyros_words_on_one_line(
    capsys, monkeypatch, words
):
    monkeypatch.setattr(parsing, "check_words", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        parse(SweepConfig, words, "selectax sweep")
    assert ended.value.code == 2
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert words[0] in err
    assert not set("─│╭╮╰╯") & set(err)


def test_what_can_be_meant_is_taken():
    config = parse(SweepConfig, ["--alpha", "-1e-3", "-inf", "--train_limit=7"], "selectax sweep")
    assert config.regularizer.alpha == (-1e-3, float("-inf"))
    assert config.data.train_limit == 7


@pytest.mark.parametrize("words", [["--alpha=-1 0 1"], ["--alpha", "-1 0 1"], ["--alpha= -1 0\t1"]])
def test_several_values_in_one_word_are_several_values(words):
    """As agents that search for hyperparameters pass them."""
    config = parse(SweepConfig, [*words, "--measures", "attacks indices"], "selectax sweep")
    assert config.regularizer.alpha == (-1, 0, 1)
    assert config.evaluation.measures == ("attacks", "indices")


def test_paths_are_those_of_the_file_system(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    words = [
        "--output=~/a b",
        "--archives",
        "~/[x]",
        "--data-dir",
        "gs:/one",
        "--resume",
        "--resume",
    ]
    config = parse(SweepConfig, words, "selectax sweep")
    assert config.output == tmp_path / "a b"
    assert config.data.archives == tmp_path / "[x]"
    assert config.data.data_dir == Path("gs:/one")
    listed = parse(data.CONFIG, ["list", "--archives=~"], "selectax data")
    assert listed.where.archives == tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("config_class", [SweepConfig, EvaluateConfig])
def test_help_is_printed_to_any_stream(monkeypatch, encoding, config_class):
    """What it cannot encode, such as α and ≥, is replaced."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    with pytest.raises(SystemExit) as ended:
        parse(config_class, ["--help"], "selectax")
    assert ended.value.code == 0
    sys.stdout.flush()
    assert b"?" in written.getvalue()
