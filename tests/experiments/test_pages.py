"""The tables in the studies' pages are those of their results."""

import pandas as pd
import pytest

from experiments.studies import pages
from experiments.studies.evidence import of_second_edition
from experiments.study import STUDIES
from selectax.study.report.bootstrap import Estimate
from selectax.study.report.findings import Effect, Finding
from tests.study.planted import planted_table, planted_training


@pytest.mark.slow
@pytest.mark.parametrize("study", of_second_edition())
def test_a_page_holds_the_tables_of_its_results(study):
    page = (STUDIES / study / "README.md").read_text()
    assert pages.filled(page, study) == page


def test_means_are_of_the_networks_of_each_alpha():
    """Of planted values: accuracy falls by 0, 0.1 and 0.3 at the three epsilons."""
    table = planted_table(alphas=(-1.0, 0.0), seeds=3, noise=0)
    assert pages.means(table) == (
        "Means over 3 seeds; accuracies are means over severities 1 and 5, or over "
        "epsilons of 2 to 8/255:\n"
        "\n"
        "| alpha | class selectivity | clean | 2 corruptions, ours | FGSM | PGD-10 |\n"
        "|---|---|---|---|---|---|\n"
        "| −1 | 0.050 | 0.900 | 0.688 | 0.292 | 0.292 |\n"
        "| 0 | 0.300 | 0.900 | 0.625 | 0.417 | 0.417 |"
    )


def test_means_are_of_strengths_where_networks_differ_in_them():
    table = planted_training("adversarial")
    whole, head, *_ = [line for line in pages.means(table).splitlines() if line]
    assert head.startswith("| strength | class selectivity | clean |")
    of_some = table[(table["seed"] < 2) | (table["training_strength"] != 2)]
    fewer = pages.means(of_some).splitlines()[0]
    assert whole.startswith("Means over 4 seeds; ")
    assert fewer.startswith("Means over 2 to 4 seeds; ")


def test_verdicts_stand_beside_those_without_dead_units():
    estimate = Estimate(0.046, 0.044, 0.048, seeds=3, networks=9)
    held = Effect("smallest rise", estimate, "above 0", "holds")
    only_told = Effect("of no condition", estimate, "", "")
    failed = held._replace(verdict="does not hold")
    one = Finding("Something rises.", "paper", (held, only_told))
    other = Finding("Nothing falls.", "paper", (), untested="one alpha only")
    assert pages.verdicts([one, other]).splitlines() == [
        "| finding | verdict | what decided |",
        "|---|---|---|",
        "| 1. Something rises. | **holds** | smallest rise 0.046 (0.044 to 0.048): holds |",
        "| 2. Nothing falls. | **not tested** | one alpha only |",
    ]
    living = Finding("Something rises.", "paper", (failed,))
    with_dead = Finding("Something rises.", "paper", (held,), without_dead=living, left_out=2)
    head, _, first, second = pages.verdicts([with_dead, other]).splitlines()
    assert head.endswith("| what decided | without dead units |")
    assert first.endswith(": holds | **does not hold** |")
    assert second.endswith("| one alpha only | **not tested** |")


def test_changes_stand_beside_those_of_a_published_figure():
    """Planted are 0.05, 0.3 and 0.5, and 90, 90 and 85 %; the published figure lacks alpha 2."""
    table = planted_table(alphas=(-1.0, 0.0, 1.0, 2.0), seeds=3, noise=0)
    published = pd.DataFrame(
        {"alpha": [-1.0, 0.0, 1.0], "selectivity": [0.2, 0.3, 0.27], "accuracy": [0.5, 0.49, 0.46]}
    )
    _, _, *rows = pages.changes(table, published).splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows]
    assert [row[0] for row in cells] == ["−1, 0", "0, 1", "−1, 1"]
    assert [row[1] for row in cells] == [
        "+0.250 (6.00-fold)",
        "+0.200 (1.67-fold)",
        "+0.450 (10.00-fold)",
    ]
    assert [row[2] for row in cells] == [
        "+0.100 (1.50-fold)",
        "−0.030 (0.90-fold)",
        "+0.070 (1.35-fold)",
    ]
    assert [row[3] for row in cells] == ["+0.0 points", "−5.0 points", "−5.0 points"]
    assert [row[4] for row in cells] == ["−1.0 points", "−3.0 points", "−4.0 points"]
    of_two = pages.changes(table, published[:2]).splitlines()
    assert of_two[2:] == rows[:1]


def test_a_page_without_the_marks_is_left_alone(tmp_path):
    page = tmp_path / "resnet8_cifar10_augmix" / "README.md"
    page.parent.mkdir()
    page.write_text("<!-- verdicts: begin --><!-- verdicts: end -->")
    with pytest.raises(ValueError, match="the page lacks <!-- means: begin -->"):
        pages.main(["--only", "resnet8_cifar10_augmix", "--pages", str(tmp_path)])
    assert page.read_text() == "<!-- verdicts: begin --><!-- verdicts: end -->"
