"""The README's words hold: its example runs, and its commands parse."""

import pathlib
import re
import shlex

import pytest
import tyro

from selectax.commands.corruption.config import CorruptConfig
from selectax.commands.data_sets import config as data_config
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig
from selectax.study.run import results
from tests.project.markdown import blocks, commands

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_the_example_runs(capsys):
    (example,) = blocks(README, "python")
    exec(compile(example, "README.md", "exec"), {})
    shape, loss = capsys.readouterr().out.split(") ")
    assert shape == "(16,"
    assert 2.3 < float(loss) < 3.3


def flags_of(name):
    for command in commands(README):
        words = shlex.split(command, comments=True)
        if words[:2] == ["python", f"experiments/{name}.py"]:
            yield words[2:]


def parsed(config_class, flags):
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    return tyro.cli(config_class, args=flags, config=config)


@pytest.mark.parametrize("flags", list(flags_of("sweep")), ids=" ".join)
def test_its_sweeps_are_valid(flags):
    check(parsed(SweepConfig, flags))


@pytest.mark.parametrize("flags", list(flags_of("corrupt")), ids=" ".join)
def test_its_corruptions_parse(flags):
    assert parsed(CorruptConfig, flags).input


@pytest.mark.parametrize("flags", list(flags_of("data")), ids=" ".join)
def test_its_data_sets_parse(flags):
    assert parsed(data_config.Command, flags)


def test_a_fresh_machine_is_set_up_by_two_commands():
    assert 'pip install -e ".[study]" && python experiments/sweep.py\n' in blocks(README, "sh")
    assert 'pip install -e ".[test]" && pytest\n' in blocks(README, "sh")


def test_its_dictionary_has_every_metric_and_column():
    named = set(
        re.findall(
            r"`([a-z_0-9]+)`", "".join(re.findall(r"^\| `.*", README.read_text(), re.MULTILINE))
        )
    )
    deciles = {f"class_selectivity_decile_{decile}" for decile in range(11)}
    assert {*results.METRICS, *results.COLUMNS} - deciles <= named
    assert {"class_selectivity_decile_0", "class_selectivity_decile_10"} <= named
