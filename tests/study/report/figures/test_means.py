"""Means over seeds by hand, and intervals as those of the findings."""

import math

import numpy as np
import pandas as pd
import pytest

from selectax.study.report.bootstrap import estimate
from selectax.study.report.figures.means import over_seeds, over_seeds_text
from selectax.study.report.statistics import mean


def rows(values):
    """A table of (alpha, seed, value)."""
    return pd.DataFrame(values, columns=["alpha", "seed", "value"])


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_of_three_seeds_and_more_are_those_of_the_findings(seeds):
    values = np.random.default_rng(0).normal(size=(2, seeds))
    table = rows([(at, seed, values[at, seed]) for at in (0, 1) for seed in reversed(range(seeds))])
    found = over_seeds(table, ["alpha"])
    np.testing.assert_allclose(found["mean"], values.mean(1))
    assert found["seeds"].tolist() == [seeds, seeds]
    for at, one in found.iterrows():
        networks = table[table["alpha"] == at].sort_values("seed")
        alone = estimate(networks, mean("value"), np.random.default_rng(0), resample_networks=False)
        np.testing.assert_allclose([one["low"], one["high"]], alone[1:3], atol=1e-12)


def test_interval_of_three_seeds_by_hand():
    found = over_seeds(rows([(0.0, 0, 1.0), (0.0, 1, 2.0), (0.0, 2, 3.0)]), ["alpha"]).iloc[0]
    # One resample in 27 draws a seed three times, more than 2.5 %: the ends are the extremes.
    np.testing.assert_allclose([found["low"], found["high"]], [1, 3], rtol=1e-6)


def test_alphas_with_other_numbers_of_seeds_do_not_mix():
    values = [(0.0, 0, 1.0), (0.0, 1, 3.0), (1.0, 0, 5.0), (1.0, 1, 5.0), (1.0, 2, 5.0)]
    found = over_seeds(rows([*values, (2.0, 0, 9.0)]), ["alpha"])
    np.testing.assert_array_equal(found["low"], [1, 5, math.nan])
    np.testing.assert_array_equal(found["high"], [3, 5, math.nan])


def test_two_seeds_have_their_range_and_one_has_no_interval():
    found = over_seeds(rows([(0.0, 0, 0.25), (0.0, 4, 0.75), (1.0, 0, 0.5)]), ["alpha"])
    assert found["mean"].tolist() == [0.5, 0.5]
    assert found["seeds"].tolist() == [2, 1]
    np.testing.assert_array_equal(found["low"], [0.25, math.nan])
    np.testing.assert_array_equal(found["high"], [0.75, math.nan])


def test_each_network_counts_once_however_many_values_it_has():
    found = over_seeds(
        rows([(0.0, 0, 0.0), (0.0, 0, 0.2), (0.0, 0, 0.1), (0.0, 1, 0.5)]), ["alpha"]
    ).iloc[0]
    np.testing.assert_allclose([found["mean"], found["low"], found["high"]], [0.3, 0.1, 0.5])
    assert found["seeds"] == 2


def test_rows_without_a_value_are_left_out():
    found = over_seeds(rows([(0.0, 0, math.nan), (0.0, 1, 0.5), (1.0, 0, math.nan)]), ["alpha"])
    assert found[["alpha", "mean", "seeds"]].to_numpy().tolist() == [[0.0, 0.5, 1.0]]


def test_what_is_not_averaged_is_told_apart():
    table = rows([(0.0, 0, 0.1), (0.0, 0, 0.3)]).assign(severity=pd.array([1, 2], "Int64"))
    found = over_seeds(table, ["alpha", "severity"])
    assert found[["severity", "mean"]].to_numpy().tolist() == [[1, 0.1], [2, 0.3]]


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ([1, 1], "1 seed"),
        ([2], "means over 2 seeds with range"),
        ([5, 5], "means over 5 seeds with 95 % bootstrap interval"),
        ([3, 5], "means over 3 to 5 seeds with 95 % bootstrap interval"),
        ([1, 2], "means over 1 to 2 seeds with range"),
        ([2, 4], "means over 2 to 4 seeds with 95 % bootstrap interval (range for two)"),
    ],
)
def test_caption_says_what_intervals_are(seeds, text):
    assert over_seeds_text(pd.DataFrame({"seeds": seeds})) == text
