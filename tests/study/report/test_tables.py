"""Tables of networks trained for robustness, beside those by alpha."""

import pandas as pd
import pytest

from selectax.study.report.tables import tables_of
from tests.study.planted import STRENGTHS, UNITS, planted_table, planted_training


@pytest.fixture(scope="module")
def tables():
    standard = planted_table(noise=0).assign(training="augmix", training_strength=0.0)
    trained = planted_training("augmix", noise=0)
    both = pd.concat([standard, trained], ignore_index=True).drop_duplicates()
    return {table.title: table.frame for table in tables_of(both, UNITS)}


def test_one_table_is_by_strength(tables):
    frame = tables["By strength of training"]
    assert not frame.columns.duplicated().any()
    assert list(frame["training"]) == ["augmix"] * 3 + ["standard"]
    assert list(frame["strength"]) == [*STRENGTHS[1:], 0]
    assert list(frame["networks"]) == [4] * 4
    assert list(frame["class selectivity"]) == pytest.approx([0.2, 0.05, 0.01, 0.3])


def test_tables_by_alpha_are_of_standard_training_and_the_last_of_all(tables):
    plain = {table.title: table.frame for table in tables_of(planted_table(noise=0), UNITS)}
    for title in ("By alpha", "Accuracy by attack", "Class selectivity by layer"):
        pd.testing.assert_frame_equal(tables[title], plain[title])
    assert len(tables["Networks"]) == 28 + 12
    assert list(tables["Networks"])[:4] == ["training", "strength", "alpha", "seed"]
    assert "By strength of training" not in plain
    assert list(plain["Networks"])[:2] == ["alpha", "seed"]
