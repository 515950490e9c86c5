"""The README and the pages on running selectax hold: examples run, and sweeps are valid."""

import pathlib
import re
import shlex

import pytest

from selectax.commands.command_line.parsing import parse
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig, defaults_of
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.registry import MEASURES, METRICS
from selectax.study.run import results
from tests.project.markdown import blocks, commands

ROOT = pathlib.Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = (README, DOCS / "runs.md", DOCS / "studies.md")


def test_the_example_runs(capsys):
    (example,) = blocks(README, "python")
    exec(compile(example, "README.md", "exec"), {})
    shape, loss = capsys.readouterr().out.split(") ")
    assert shape == "(16,"
    assert 2.3 < float(loss) < 3.3


def flags_of_sweeps():
    for page in PAGES:
        for command in commands(page):
            words = shlex.split(command, comments=True)
            if words[:2] == ["python", "experiments/sweep.py"]:
                yield words[2:]


@pytest.mark.parametrize("flags", list(flags_of_sweeps()), ids=" ".join)
def test_its_sweeps_are_valid(flags):
    check(parse(SweepConfig, flags, "sweep.py"))


def test_a_fresh_machine_is_set_up_by_two_commands():
    assert 'pip install -e ".[study]" && python experiments/sweep.py\n' in blocks(README, "sh")
    assert 'pip install -e ".[test]" && pytest\n' in blocks(README, "sh")


def test_its_figure_is_the_last_one_of_its_study():
    (study,) = re.findall(r"\(\[study\]\(([^)]+)\)", README.read_text())
    figure = ROOT / study / "run" / "figures" / "perturbed_accuracy_by_alpha.png"
    copy = DOCS / "images" / "cifar10_perturbed_accuracy.png"
    assert copy.read_bytes() == figure.read_bytes()


def test_the_figure_of_the_page_on_studies_is_that_of_the_study_of_digits():
    figures = ROOT / "experiments" / "studies" / "resnet8_digits" / "run" / "figures"
    copy = DOCS / "images" / "digits_robustness_by_selectivity.png"
    assert copy.read_bytes() == (figures / "robustness_by_selectivity.png").read_bytes()


def test_it_is_read_in_two_minutes():
    assert len(README.read_text().splitlines()) <= 120


def test_the_page_on_runs_has_every_measure_and_whether_it_is_taken_by_default():
    page = (DOCS / "runs.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no|on the digits) \|$", page, re.MULTILINE)
    of_digits = defaults_of("digits").evaluation.measures
    others = EvaluationOptions().measures
    expected = {
        name: "yes" if name in others else "on the digits" if name in of_digits else "no"
        for name in MEASURES
    }
    assert dict(rows) == expected


def test_the_page_on_results_has_every_metric_and_column():
    lines = re.findall(r"^\| `.*", (DOCS / "results.md").read_text(), re.MULTILINE)
    named = set(re.findall(r"`([a-z_0-9]+)`", "".join(lines)))
    deciles = {f"class_selectivity_decile_{decile}" for decile in range(11)}
    assert {*METRICS, *results.COLUMNS} - deciles <= named
    assert {"class_selectivity_decile_0", "class_selectivity_decile_10"} <= named
