"""docs/evidence.md holds what tables say of studies whose conditions were fixed before them."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from experiments.marked import with_marked
from experiments.studies import evidence
from selectax.study.report.bootstrap import Estimate
from selectax.study.report.claims import FINDINGS
from selectax.study.report.findings import Effect, Finding, find
from selectax.study.report.per_network import per_network
from selectax.study.run.recorded_runs import read_runs
from tests.project.markdown import text_of


@pytest.fixture(scope="module")
def found():
    return {study: evidence.findings_of(study) for study in evidence.studies()}


def test_studies_of_the_first_edition_and_of_digits_take_no_part(monkeypatch):
    names = evidence.studies()
    assert "resnet8_cifar10_adversarial" in names
    assert "resnet8_cifar10" not in names
    monkeypatch.setattr(evidence, "dataset_of", lambda study: "digits")
    assert evidence.studies() == []


@pytest.mark.slow
def test_the_page_holds_what_the_tables_say(found):
    page = (evidence.DOCS / "evidence.md").read_text()
    assert with_marked(page, "evidence", evidence.table(found)) == page


@pytest.mark.slow
def test_all_studies_are_in_the_figure(found, tmp_path):
    assert {study for _, _, study, _ in evidence.correlations(found)} == set(found)
    evidence.draw(found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    for figure in (tmp_path / "figure.png", evidence.DOCS / "images" / "evidence.png"):
        with Image.open(figure) as image:
            assert image.text["Description"] == evidence.drawn(found)


def effect(value, low, high, condition="above 0", **options):
    estimate = Estimate(value, low, high, seeds=3, networks=9)
    return Effect("rank correlation", estimate, condition, "holds", **options)


def test_what_supports_a_claim_is_positive():
    rising = next(one for one in FINDINGS[0].criteria if one.must_be == "above")
    falling = next(one for one in FINDINGS[3].criteria if one.must_be == "below")
    assert evidence.supporting(rising, effect(0.5, 0.2, 0.9)) == (0.5, 0.2, 0.9)
    assert evidence.supporting(falling, effect(-0.5, -0.9, -0.2)) == (0.5, 0.2, 0.9)


def test_a_row_tells_conditions_and_premises_but_nothing_that_decides_nothing():
    effects = (
        effect(0.5, -0.25, 0.75),
        effect(0.1, 0.0, 0.2, is_premise=True),
        effect(0.3, 0.2, 0.4, condition=""),
    )
    of_claims = [Finding(claim.text, claim.source, effects) for claim in FINDINGS]
    rows = evidence.table({"one": of_claims}).splitlines()
    assert len(rows) == 4 + len(FINDINGS)
    assert "rank correlation 0.50 (−0.25 to 0.75): holds; premise: rank correlation 0.10" in rows[4]
    assert rows[4].count("holds;") == 1
    assert "0.30" not in rows[4]


def test_findings_that_no_study_tests_are_told_as_such():
    of_claims = [Finding(claim.text, claim.source, (), untested="too few") for claim in FINDINGS]
    rows = evidence.table({"one": of_claims}).splitlines()[4:]
    assert all("| none | **not tested** |" in row for row in rows)


def test_the_summary_tells_each_finding_by_its_verdict():
    held = effect(0.5, 0.2, 0.9)
    undecided = held._replace(verdict="cannot say")
    given = ["too few", "", ""] + ["too few"] * (len(FINDINGS) - 3)
    of = {
        name: [
            Finding(claim.text, claim.source, (second if at == 2 else held,), untested=untested)
            for at, (claim, untested) in enumerate(zip(FINDINGS, given, strict=True))
        ]
        for name, second in (("one", held), ("other", undecided))
    }
    rest = ", ".join(map(str, range(4, len(FINDINGS))))
    assert evidence.summary(of) == (
        f"Of the findings below, 2 holds, 1, {rest} and {len(FINDINGS)} are not tested and 3 has "
        "different verdicts in our studies."
    )


def simulated_of(study, levels):
    """Shares of simulated studies with all alphas or strengths, by condition and seeds."""
    table = pd.read_csv(evidence.STUDIES / "power.csv")
    return table[(table["study"] == study) & (table["levels"] == levels)]


@pytest.fixture(scope="module")
def simulated():
    """By finding, those of the study in batches of 256."""
    table = simulated_of("resnet8_cifar10_batch_256", "-10 -2 -0.7 0 0.4 1")
    return {finding: rows for finding, rows in table.groupby("finding")}


def numbers_told(pattern):
    """The numbers in the one sentence of the page that the pattern finds."""
    page = text_of(evidence.DOCS / "evidence.md")
    (found,) = re.finditer(pattern, page)
    return [int(number) for number in found.groups()]


def test_the_seeds_that_would_decide_finding_5_are_those_of_the_simulation(simulated):
    # Seeds grow until a condition is decided.
    last = simulated[5].groupby("condition", sort=False).last()
    most = last[last.index.str.endswith("alpha at most 0")]
    least = last[last.index.str.endswith("alpha at least 0")]
    assert least["fails"].item() >= 0.9
    assert most[["holds", "fails"]].max(axis=1).item() < 0.9
    percent, enough, too_few, share = numbers_told(
        r"at least (\d+) % of \S+ \S+ with (\d+) seeds decide the condition on alphas of at "
        r"least 0, against the claim\. Of those with (\d+) seeds, only (\d+) % decide that on "
        r"alphas of at most 0"
    )
    assert [enough, percent] == [least["seeds"].item(), 90]
    assert [too_few, share] == [most["seeds"].item(), round(100 * most["holds"].item())]


def test_the_weakest_conditions_are_those_of_the_simulation(simulated):
    # Conditions that fewer seeds decide in 0.9 of the studies have no such rows.
    of_six = pd.concat(rows[rows["seeds"] == 6] for rows in simulated.values())
    deciding = of_six[of_six["finding"].isin([1, 4, 6, 7, 8])]
    attacks = deciding.set_index("condition")["holds"]
    fgsm, pgd = numbers_told(
        r"the weakest that hold there, for FGSM in (\d+) % and for PGD in (\d+) %"
    )
    assert len(attacks) == 2
    assert attacks.index.str.endswith("alpha at least 0").all()
    assert attacks.filter(like="FGSM").item() == fgsm / 100
    assert attacks.filter(like="PGD").item() == pgd / 100
    assert set(deciding["finding"]) == {6}


def test_what_more_seeds_would_decide_on_tiny_imagenet_is_that_of_the_simulation():
    table = simulated_of("resnet10_quarter_tiny_imagenet_wide", "-2 -1 0 0.4 1 2")
    last = table.groupby(["finding", "condition"], sort=False).last()
    least = last.filter(like="alpha at least 0", axis=0)
    assert (least.loc[6, "holds"] >= 0.9).all()
    assert least.loc[5, "fails"].item() >= 0.9
    most = last.filter(like="alpha at most 0", axis=0)
    by_pgd = last.filter(like="change by PGD, all layers", axis=0)
    for undecided in (most.loc[5], by_pgd.loc[7].filter(like="rank", axis=0)):
        assert (undecided["seeds"].item(), undecided["holds"].item()) == (50, 0)
        assert undecided["fails"].item() < 0.1
    # Of these, the study's own six seeds decided that of finding 8 alone.
    seeds = last["seeds"][last["holds"] >= 0.9]
    assert seeds[seeds > 6].index.get_level_values("finding").tolist() == [3, 6, 6, 8]
    early = table[(table["finding"] == 8) & (table["seeds"] == 6)]
    (percent,) = numbers_told(r"early dimensions of clean responses, in (\d+) %")
    assert early["holds"].item() == percent / 100


def test_the_weakest_condition_of_training_methods_is_that_of_the_simulation():
    studies = {"adversarial": "0 1 2 4 8", "augmix": "0 0.25 0.5 1 2"}
    tables = [simulated_of(f"resnet8_cifar10_{name}", levels) for name, levels in studies.items()]
    assert all(len(table) for table in tables)
    of_six = pd.concat(table[table["seeds"] == 6] for table in tables)
    (percent,) = numbers_told(
        r"weakest condition, that adversarial training raises selectivity, holds in (\d+) %"
    )
    assert of_six["study"].item() == "resnet8_cifar10_adversarial"
    assert of_six["condition"].item() == "rank correlation of training strength with selectivity"
    assert of_six["holds"].item() == percent / 100


def with_means_over_units(run):
    """The table of a run whose networks have the mean over all units as their class selectivity."""
    table, key = run.table, ["training", "training_strength", "alpha", "seed"]
    clean = (table["metric"] == "class_selectivity") & (table["perturbation"] == "")
    of_layers = table[clean & (table["layer"] != "")]
    weights = of_layers["layer"].map(run.units)
    by = [of_layers[name] for name in key]
    means = (of_layers["value"] * weights).groupby(by).sum() / weights.groupby(by).sum()
    whole = clean & (table["layer"] == "")
    networks = pd.MultiIndex.from_frame(table.loc[whole, key])
    return table.assign(
        value=table["value"].mask(whole, means[networks].set_axis(table.index[whole]))
    )


@pytest.mark.slow
def test_with_a_mean_over_units_one_condition_changes(found):
    changed = []
    for study, findings in found.items():
        run = read_runs([evidence.STUDIES / study / "run"])
        others = find(with_means_over_units(run), run.units, np.random.default_rng(0))
        for number, (one, other) in enumerate(zip(findings, others, strict=True), start=1):
            for before, after in zip(one.effects, other.effects, strict=True):
                if before.verdict != after.verdict:
                    changed.append((study, number, before.name, after.verdict))
    condition = "rank correlation of training strength with selectivity"
    assert changed == [("resnet8_cifar10_adversarial", 11, condition, "cannot say")]
    assert "all other conditions keep their verdicts" in text_of(evidence.DOCS / "evidence.md")


def test_a_mean_over_units_hardly_rises_with_adversarial_training():
    study = evidence.STUDIES / "resnet8_cifar10_adversarial"
    run = read_runs([study / "run"])
    networks = per_network(with_means_over_units(run), run.units)
    strength, mean = networks["training_strength"], networks["selectivity"]
    correlation = stats.spearmanr(strength, mean).statistic
    by_seed = networks.pivot(index="seed", columns="training_strength", values="selectivity")
    page, rise = text_of(study / "README.md"), by_seed[8] - by_seed[0]
    told = f"rises by {rise.mean():.3f} only, falls in two of six seeds, and its rank correlation"
    assert f"{told} with the strength is {correlation:.2f} (" in page
    assert (rise < 0).sum() == 2
    of_all = text_of(evidence.DOCS / "evidence.md")
    assert f"undecided (rank correlation {correlation:.2f} in place of 0.57)" in of_all


@pytest.mark.slow
def test_the_readme_counts_the_verdicts(found):
    numbers = evidence.by_verdict(found)
    verdicts = ("holds", "holds in part", "cannot say", evidence.DIFFERENT, "not tested")
    counts = [len(numbers[one]) for one in verdicts]
    told = re.search(
        r"Of eleven findings, (\d+) hold in our networks, (\d+) holds in part, (\d+) is undecided, "
        r"(\d+) have different verdicts in our studies and (\d+) are not tested",
        text_of(evidence.DOCS.parent / "README.md"),
    )
    assert list(map(int, told.groups())) == counts
    assert sum(counts) == len(FINDINGS) == 11
