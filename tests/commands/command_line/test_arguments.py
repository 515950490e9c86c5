"""The arguments of a command are those of its dataclasses."""

import pytest

from selectax.commands import data, report
from selectax.commands.command_line.arguments import arguments_of, innermost, tasks_of
from selectax.commands.data_sets.config import List, Prepare
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.evaluate_config import EvaluateConfig


@pytest.mark.parametrize(
    ("config_class", "name", "form", "takes_any_number"),
    [
        (SweepConfig, "--epochs", "INT", False),
        (SweepConfig, "--alpha", "FLOAT ...", True),
        (SweepConfig, "--alpha-epochs", "None or INT INT", False),
        (SweepConfig, "--train-limit", "None or INT", False),
        (EvaluateConfig, "--mean", "None or FLOAT FLOAT FLOAT", False),
        (report.CONFIG, "RUN", "PATH ...", True),
        (data.CONFIG, "NAME", "STR ...", True),
    ],
)
def test_an_argument_says_what_its_values_look_like(config_class, name, form, takes_any_number):
    argument = next(one for one in arguments_of(config_class) if one.name == name)
    assert argument.form == form
    assert argument.takes_any_number == takes_any_number
    assert argument.is_flag == name.startswith("--")


def test_only_arguments_without_a_default_are_required():
    required = {one.name for one in arguments_of(EvaluateConfig) if one.is_required}
    assert required == {"--weights"}


def test_tasks_are_named_after_their_classes():
    tasks = tasks_of(data.CONFIG)
    assert list(tasks) == ["prepare", "check", "list", "show"]
    assert (tasks["prepare"], tasks["list"]) == (Prepare, List)
    assert tasks_of(SweepConfig) == {}


def test_innermost_types():
    assert innermost(tuple[int, ...] | None) == {int, type(None), ...}
