"""docs/evidence.md holds what tables say of studies whose conditions were fixed before them."""

import pytest

from experiments.marked import with_marked
from experiments.studies import evidence
from selectax.study.report.bootstrap import Estimate
from selectax.study.report.claims import FINDINGS
from selectax.study.report.findings import Effect, Finding


@pytest.fixture(scope="module")
def found():
    return {study: evidence.findings_of(study) for study in evidence.studies()}


def test_studies_of_the_first_edition_take_no_part():
    names = evidence.studies()
    assert "resnet8_cifar10_adversarial" in names
    assert "resnet8_cifar10" not in names


@pytest.mark.slow
def test_the_page_holds_what_the_tables_say(found):
    page = (evidence.DOCS / "evidence.md").read_text()
    assert with_marked(page, "evidence", evidence.table(found)) == page


@pytest.mark.slow
def test_all_studies_are_in_the_figure(found, tmp_path):
    assert {study for _, _, study, _ in evidence.correlations(found)} == set(found)
    evidence.draw(found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


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
    assert len(rows) == 2 + len(FINDINGS)
    assert "rank correlation 0.50 (−0.25 to 0.75): holds; premise: rank correlation 0.10" in rows[2]
    assert rows[2].count("holds;") == 1
    assert "0.30" not in rows[2]


def test_findings_that_no_study_tests_are_told_as_such():
    of_claims = [Finding(claim.text, claim.source, (), untested="too few") for claim in FINDINGS]
    rows = evidence.table({"one": of_claims}).splitlines()[2:]
    assert all("| none | **not tested** |" in row for row in rows)
