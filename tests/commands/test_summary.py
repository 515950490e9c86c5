"""The table of means that commands print."""

import pandas as pd
import pytest

from selectax.commands.summary import print_summary

ROW = {"layer": "", "perturbation": "", "epsilon": None, "steps": None, "severity": None}
VALUES = [
    {"metric": "class_selectivity", "value": 0.25},
    {"metric": "accuracy", "value": 0.5},
    {"metric": "accuracy", "value": 0.4, "perturbation": "corruptions", "severity": 1},
    {"metric": "accuracy", "value": 0.3, "perturbation": "fgsm", "epsilon": 4.0, "steps": 1},
    {"metric": "accuracy", "value": 0.2, "perturbation": "pgd", "epsilon": 4.0, "steps": 10},
]


def table(*methods):
    return pd.DataFrame(
        [
            ROW | value | {"alpha": 0.0, "seed": 0, "training": name, "training_strength": 0.25}
            for name in methods
            for value in VALUES
        ]
    )


def lines(capsys):
    return [
        [cell for cell in line.split() if cell not in "│┃"]
        for line in capsys.readouterr().out.splitlines()
    ]


@pytest.mark.parametrize("method", ["adversarial", "augmix"])
def test_the_strength_of_one_method_stands_below_its_name(capsys, method):
    print_summary(table(method))
    printed = lines(capsys)
    heads = ["alpha", method, "networks", "selectivity", "accuracy", "corruptions", "fgsm", "pgd"]
    assert sorted(heads) == sorted(printed[3])
    assert ["0", "0.25", "1", "0.250", "0.500", "0.400", "0.300", "0.200"] in printed


def test_several_methods_are_named_row_by_row(capsys):
    print_summary(table("adversarial", "augmix"))
    printed = lines(capsys)
    assert ["0", "augmix", "0.25", "1", "0.250", "0.500", "0.400", "0.300", "0.200"] in printed
    words = {word for line in printed for word in line}
    assert {"training", "strength", "networks", "corruptions"} <= words
