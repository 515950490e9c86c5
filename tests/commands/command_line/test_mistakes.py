"""A mistake in the words of a command is refused in one sentence."""

import contextlib
import io
import random

import pytest
import tyro

from selectax.commands import data, join, report
from selectax.commands.command_line.arguments import arguments_of, tasks_of
from selectax.commands.command_line.mistakes import check_words
from selectax.commands.command_line.parsing import OPTIONS, parse
from selectax.commands.command_line.words import RefusalError
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.evaluate_config import EvaluateConfig

COMMANDS = {
    "sweep": SweepConfig,
    "evaluate": EvaluateConfig,
    "data": data.CONFIG,
    "report": report.CONFIG,
    "join": join.CONFIG,
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
        ("sweep --epochs 1 2", "2: not expected here; omit it, or "),
        ("sweep --resume=True", "True: not expected here; omit it, or "),
        ("sweep --alpha-epochs 1 2 3", "--alpha-epochs 1 2 3: give None or INT INT, or "),
        ("sweep --epochs", "--epochs: missing a value; add it, or "),
        ("sweep --norm l3", "--norm l3: unknown; did you mean l2? Known are linf, l2."),
        ("sweep --measures attack", "--measures attack: unknown; did you mean attacks? Known are "),
        ("sweep --alpha -1 --alpha 0", "--alpha: given 2 times; give all its values after one."),
        ("sweep --pgd_steps=1 --pgd-steps 2", "--pgd-steps: given 2 times; give all its values "),
        ("sweep --epochs 1 --epochs=2", "--epochs: given 2 times; give one of them."),
        ("sweep --output gs://bucket/run", "--output gs://bucket/run: is no local path; name one "),
        ("sweep --data-dir=s3://b", "--data-dir s3://b: is no local path; "),
        ("report gs://bucket/run", "RUN gs://bucket/run: is no local path; "),
        ("evaluate --weights ~nobody_here/x", "--weights ~nobody_here/x: has no home folder "),
        ("evaluate", "--weights: missing; add --weights PATH, or "),
        ("evaluate --wieghts x", "--wieghts: unknown; did you mean --weights? All flags: "),
        ("evaluate --model resnet20", "--weights: missing; add --weights PATH, or "),
        ("data", "selectax data: does not say what to do; add one of prepare, check, list, show."),
        ("data prepaer", "prepaer: unknown; did you mean prepare? Known are prepare, check, "),
        ("data show", "NAME: missing; add it, or "),
        ("data show digits --images many", "--images many: give a whole number."),
        ("data --archives x list", "--archives: not expected here; omit it, or "),
        ("data check a --archives x b", "b: not expected here; omit it, or "),
        ("data list --split train", "--split: not expected here; omit it, or "),
        ("data list all", "all: not expected here; omit it, or "),
        ("report one --outptu x", "--outptu: unknown; did you mean --output? All flags: "),
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
    if says.endswith("or ") or says in ("--foo: unknown; ", "-q: unknown; "):
        assert err == f"{says}see selectax {name} --help.\n"


VALUES = (
    *("1", "0", "-1", "1.5", "-1e-3", "None", "none", "x", "linf", "attacks", "-inf", "nan", ""),
    *("auto", "True", "-x", "csv", "1_0", "+3", " 4", "~/a", "fog"),
)


def any_words(config_class, dice):
    """A task, if there are tasks, and up to three flags or words, many of them wrong."""
    flags = [argument.name for argument in arguments_of(config_class) if argument.is_flag]
    words = [dice.choice(list(tasks_of(config_class)))] if tasks_of(config_class) else []
    for _ in range(dice.randint(0, 3)):
        flag = [dice.choice(flags)] if dice.random() < 0.8 else []
        words += flag + dice.choices(VALUES, k=dice.choice([0, 1, 1, 1, 2, 3]))
    return words


def is_parsed(config_class, words):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            tyro.cli(config_class, args=words, config=OPTIONS)
    except SystemExit:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_refused_is_what_tyro_cannot_parse(name):
    """Of random words, apart from flags that are given twice."""
    dice = random.Random(0)
    for _ in range(150):
        words, sentence = any_words(COMMANDS[name], dice), ""
        try:
            check_words(words, COMMANDS[name], "selectax")
        except RefusalError as refusal:
            sentence = str(refusal)
        if " times; " not in sentence:
            assert is_parsed(COMMANDS[name], words) == (sentence == ""), (words, sentence)
