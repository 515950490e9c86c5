"""Each entry of FINDINGS can be evaluated, and says what was written down before any study."""

import json
from pathlib import Path

import pytest

from selectax.study.report.claims import ALL, AT_LEAST_0, AT_MOST_0, EXTREMES, FINDINGS
from selectax.study.report.per_network import per_network
from tests.study.planted import UNITS, planted_table

STATED = Path(__file__).parents[3] / "experiments" / "studies" / "decided_by.json"


def test_what_decides_is_what_was_written_down_before_any_study():
    assert {
        claim.text: {
            criterion.name: criterion.condition
            for criterion in claim.criteria
            if criterion.condition
        }
        for claim in FINDINGS
    } == json.loads(STATED.read_text())


@pytest.mark.parametrize("claim", FINDINGS, ids=lambda claim: claim.text[:20])
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
