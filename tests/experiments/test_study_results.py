"""What the studies' pages say is what their tables hold; and what was made twice agrees."""

import json
import re

import numpy as np
import pytest

from experiments.study import STUDIES
from selectax.study.report.editions import EDITIONS
from selectax.study.report.findings import find
from selectax.study.run import results

NAMES = sorted(path.parents[1].name for path in STUDIES.glob("*/run/results.parquet"))
COLUMNS = {
    "alpha": "alpha",
    "class selectivity": "class selectivity",
    "clean": "clean accuracy",
    "FGSM": "fgsm",
    "PGD-20": "pgd",
}
OFFICIAL = "of those of CIFAR-10-C"
EVIDENCE = STUDIES / "resnet8_cifar10" / "evidence"
KEY = [column for column in results.COLUMNS if column != "value"]


def edition_of(name):
    """The edition of the findings under which a study was made."""
    decided = json.loads((STUDIES / "decided_by.json").read_text())
    return EDITIONS["first" if name in decided["first"]["studies"] else "second"]


def cells_of(name, first):
    """Rows of the one table of a study's page whose first heading is given."""
    page = (STUDIES / name / "README.md").read_text()
    (found,) = re.findall(rf"^\| {first} \|.*\n(?:\|.*\n)+", page, flags=re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]
    return rows[0], rows[2:]


@pytest.mark.parametrize("name", NAMES)
def test_means_are_those_of_the_table(name):
    summary = results.summarize(results.load(STUDIES / name / "run" / "results.parquet"))
    heads, rows = cells_of(name, "alpha")
    assert len(rows) == len(summary)
    for column, head in enumerate(heads):
        told = [float(row[column].replace("−", "-")) for row in rows]
        if head == OFFICIAL:
            official = results.load(STUDIES / name / "official_corruptions.parquet")
            measured = results.summarize(official)["corruptions"]
        else:
            measured = summary["corruptions" if "ours" in head else COLUMNS[head]]
        np.testing.assert_allclose(told, measured, atol=0.00051, err_msg=head)


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_are_those_of_the_table(name):
    folder = STUDIES / name / "run"
    units = json.loads((folder / "layers.json").read_text())
    table = results.load(folder / "results.parquet")
    _, rows = cells_of(name, "finding")
    told = [row[1].strip("*") for row in rows]
    # By any seed of the bootstrap's, too.
    for seed in range(2):
        found = find(table, units, np.random.default_rng(seed), edition_of(name))
        assert [one.grade for one in found] == told


def both(one, other):
    """Two tables side by side, of the rows that both have."""
    return results.load(one).merge(results.load(other), on=KEY, suffixes=("", "_again"))


@pytest.mark.parametrize(
    ("name", "there", "count"),
    [
        ("resnet8_cifar10", "evidence/trained_on_cpu.parquet", 7091),
        # Trained anew, it was measured in part.
        ("resnet10_quarter_tiny_imagenet", "run/results.parquet", 342),
    ],
)
def test_a_network_made_again_alone_is_equal_to_the_last_bit(name, there, count):
    again = STUDIES / name / "evidence" / "made_again.parquet"
    rows = both(again, STUDIES / name / there)
    assert len(rows) == len(results.load(again)) == count
    assert (rows["value"] == rows["value_again"]).all()


def test_gpu_and_cpu_measure_a_network_alike():
    rows = both(
        EVIDENCE / "measured_on_cpu.parquet", STUDIES / "resnet8_cifar10/run/results.parquet"
    )
    assert len(rows) == 7091
    apart = (rows["value"] - rows["value_again"]).abs().groupby(rows["metric"])
    count, most = apart.count(), apart.max()
    components = [f"dimensionality_{percent}" for percent in (90, 95, 99)]
    assert count[components].sum() == 4851
    assert most[components].max() == 0
    assert most["class_selectivity"] < 2e-7
    assert 0 < most["accuracy"] < 0.0031
