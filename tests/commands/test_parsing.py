"""What cannot be meant is refused in one sentence, whatever is wrong with it."""

import contextlib

import pytest

from selectax.commands import data, parsing, report
from selectax.commands.parsing import parse
from selectax.study.config import SweepConfig
from selectax.study.evaluate_config import EvaluateConfig

COMMANDS = {
    "sweep": SweepConfig,
    "evaluate": EvaluateConfig,
    "data": data.CONFIG,
    "report": report.CONFIG,
}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("sweep --alhpa 0", "--alhpa: unknown; did you mean --alpha? All flags: "),
        ("sweep --alpha -1 --alhpa=1", "--alhpa: unknown; did you mean --alpha? All flags: "),
        ("sweep --epochs --alhpa 1", "--alhpa: unknown; did you mean --alpha? All flags: "),
        ("sweep --foo", "--foo: unknown; "),
        ("sweep -q", "-q: unknown; "),
        ("sweep much", "much: not expected here; omit it, or "),
        ("sweep --quiet yes", "yes: not expected here; omit it, or "),
        ("sweep --epochs 1.5", "--epochs 1.5: give a whole number."),
        ("sweep --epochs=1.5", "--epochs 1.5: give a whole number."),
        ("sweep --learning_rate fast", "--learning-rate fast: give a number."),
        ("sweep --alpha -1 much 2", "--alpha much: give a number."),
        ("sweep --train-limit few", "--train-limit few: give a whole number or None."),
        ("sweep --alpha-epochs 1 x", "--alpha-epochs x: give a whole number or None."),
        ("sweep --alpha-epochs 1", "--alpha-epochs 1: give None or INT INT, or "),
        ("sweep --epochs", "--epochs: missing a value; add it, or "),
        ("sweep --norm l3", "--norm l3: unknown; did you mean l2? Known are linf, l2."),
        ("sweep --measures attack", "--measures attack: unknown; did you mean attacks? Known are "),
        ("evaluate", "--weights: missing; add --weights PATH, or "),
        ("evaluate --wieghts x", "--wieghts: unknown; did you mean --weights? All flags: "),
        ("evaluate --model resnet20", "--weights: missing; add --weights PATH, or "),
        ("data", "selectax data: does not say what to do; add one of prepare, check, list, show."),
        ("data prepaer", "prepaer: unknown; did you mean prepare? Known are prepare, check, "),
        ("data show", "NAME: missing; add it, or "),
        ("data show digits --images many", "--images many: give a whole number."),
        ("data list --split train", "--split: not expected here; omit it, or "),
        ("data list all", "all: not expected here; omit it, or "),
        ("report", "RUN: missing; add it, or "),
        ("report one other", "other: not expected here; omit it, or "),
    ],
)
def test_a_sentence_names_what_is_wrong_and_the_remedy(capsys, words, says):
    name, *words = words.split()
    with pytest.raises(SystemExit) as ended:
        parse(COMMANDS[name], words, f"selectax {name}")
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    if says.endswith((" ", ", ")) and "Known" not in says:
        assert err == f"{says}see selectax {name} --help.\n"


def test_with_a_tyro_of_other_errors_its_own_words_are_one_line(capsys, monkeypatch):
    monkeypatch.setattr(parsing, "_refusals", lambda *_: contextlib.nullcontext())
    with pytest.raises(SystemExit) as ended:
        parse(SweepConfig, ["--alhpa", "0"], "selectax sweep")
    assert ended.value.code == 2
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "--alhpa" in err
    assert not set("─│╭╮╰╯") & set(err)


def test_an_error_of_a_kind_that_is_not_known_is_left_to_tyro(capsys, monkeypatch):
    monkeypatch.setattr(parsing, "_sentence", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        parse(SweepConfig, ["--epochs", "1.5"], "selectax sweep")
    assert ended.value.code == 2
    assert "--epochs" in capsys.readouterr().err


def test_what_can_be_meant_is_taken():
    config = parse(SweepConfig, ["--alpha", "-1e-3", "-inf", "--train_limit=7"], "selectax sweep")
    assert config.regularizer.alpha == (-1e-3, float("-inf"))
    assert config.data.train_limit == 7
