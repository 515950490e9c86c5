"""Each entry of EDITIONS can be evaluated, and says what was written down before its studies."""

import json

import pytest

from experiments.study import STUDIES
from selectax.study.report.claims import FINDINGS
from selectax.study.report.criteria import ALL, AT_LEAST_0, AT_MOST_0, EXTREMES
from selectax.study.report.editions import EDITIONS
from selectax.study.report.per_network import per_network
from tests.study.planted import UNITS, planted_table

STATED = json.loads((STUDIES / "decided_by.json").read_text())
ALL_CLAIMS = [*EDITIONS["first"].claims, *FINDINGS]


def conditions_of(claim, *, premises=False):
    return {
        criterion.name: criterion.condition
        for criterion in claim.criteria
        if criterion.condition and criterion.is_premise == premises
    }


def test_what_decides_is_what_was_written_down_before_any_study():
    first, second = EDITIONS["first"].claims, EDITIONS["second"].claims
    assert {claim.text: conditions_of(claim) for claim in first} == STATED["first"]["conditions"]
    of_second = {}
    for claim in second:
        stated = {
            "source": claim.source,
            "only": " on ".join(claim.only or ()),
            "training method": claim.method,
            "conditions": conditions_of(claim),
            "premises": conditions_of(claim, premises=True),
        }
        of_second[claim.text] = {name: value for name, value in stated.items() if value}
    assert of_second == STATED["second"]["findings"]
    assert {name: edition.date for name, edition in EDITIONS.items()} == {
        name: edition["date"] for name, edition in STATED.items()
    }


def test_the_studies_of_the_first_edition_say_so():
    for name in STATED["first"]["studies"]:
        page = (STUDIES / name / "README.md").read_text()
        assert "first edition" in page


@pytest.mark.parametrize("claim", ALL_CLAIMS, ids=lambda claim: claim.text[:20])
def test_an_entry_uses_columns_that_networks_have_and_conditions_come_first(claim):
    known = set(per_network(planted_table(alphas=(0.0,), seeds=1), UNITS))
    decides = [criterion.must_be is not None for criterion in claim.criteria]
    assert decides[0]
    assert decides == sorted(decides, reverse=True)
    for criterion in claim.criteria:
        assert set(criterion.columns) <= known


@pytest.mark.parametrize(
    ("alphas", "included"),
    [
        (ALL, [-2, -1, 0, 1]),
        (AT_MOST_0, [-2, -1, 0]),
        (AT_LEAST_0, [0, 1]),
        (EXTREMES, [-2, 1]),
    ],
)
def test_alphas_include_what_they_name(alphas, included):
    networks = per_network(planted_table(alphas=(-2.0, -1.0, 0.0, 1.0), seeds=1), UNITS)
    assert networks.loc[alphas.include(networks["alpha"]), "alpha"].tolist() == included
