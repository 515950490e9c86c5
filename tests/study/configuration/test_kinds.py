"""Options of the wrong kind, which only Python can pass, are refused in one sentence each."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from selectax import study
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import defaults_of
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.kinds import check_kinds

DEFAULTS = defaults_of("digits")


def changed(part, **values):
    return dataclasses.replace(
        DEFAULTS, **{part: dataclasses.replace(getattr(DEFAULTS, part), **values)}
    )


@pytest.mark.parametrize(
    ("part", "field", "value", "says"),
    [
        ("regularizer", "alpha", 1.0, "--alpha 1.0: give a tuple of values."),
        ("regularizer", "alpha", np.ones(2), r"--alpha array\(.*\): give a tuple of values."),
        ("regularizer", "alpha", "1", "--alpha '1': give a tuple of values."),
        ("regularizer", "alpha", ("1",), "--alpha '1': give a number."),
        ("regularizer", "alpha", (True,), "--alpha True: give a number."),
        ("regularizer", "first_seed", 0.5, "--first-seed 0.5: give a whole number from 0 to"),
        ("training", "learning_rate", None, "--learning-rate None: give a number."),
        ("training", "precision", "float16", "--precision float16: unknown; did you mean"),
        ("training", "batch_norm", "local", "--batch-norm local: unknown"),
        ("training", "augmentation", None, "--augmentation None: unknown"),
        ("method", "training_strength", 1.0, "--training-strength 1.0: give a tuple of values."),
        ("evaluation", "norm", "l1", "--norm l1: unknown; did you mean l2?"),
        ("evaluation", "measures", "selectivity", "--measures 'selectivity': give a tuple"),
        ("run", "curves", "xml", "--curves xml: unknown"),
        ("run", "resume", "no", "--resume 'no': give True or False."),
        ("run", "output", 3, "--output 3: give a path."),
    ],
)
def test_other_kinds_are_refused(part, field, value, says):
    with pytest.raises(ConfigurationError, match=f"^{says}"):
        check(changed(part, **{field: value}))


def test_options_that_are_no_options_are_refused():
    with pytest.raises(ConfigurationError, match=r"^training \{\}: give TrainingOptions\(…\)\.$"):
        check(study.SweepConfig(training={}))


def test_lists_numpy_numbers_and_strings_for_paths_are_taken():
    check(changed("regularizer", alpha=[-1, np.float32(0.5), np.float64(2)]))
    config = changed("run", output="runs/own")
    check(config)
    assert config.output == Path("runs/own")
    assert study.DataOptions(archives="a", data_dir="b").data_dir == Path("b")
    evaluation = study.EvaluateConfig(weights="net.pt", output="rows.csv")
    check_kinds(evaluation)
    assert evaluation.results == Path("rows.csv")
    check_kinds(study.EvaluateConfig(Path("net.pt"), mean=(0.5, 0.5, 0.5)))
