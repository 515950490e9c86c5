"""Statistics over networks beside those of scipy."""

import numpy as np
from scipy import stats

from selectax.study.report.statistics import (
    Columns,
    difference_of_slopes,
    largest_gain,
    mean,
    mean_difference,
    rank_correlation,
    slope,
    span,
)


def test_statistics_are_scipys():
    generator = np.random.default_rng(0)
    of_networks = dict(zip("xy", generator.normal(size=(2, 12)).round(1), strict=True))
    assert len(np.unique(of_networks["x"])) < 12  # tied even where no network is drawn twice
    columns = Columns(of_networks, generator.integers(12, size=(5, 30)))
    x, y = columns["x"], columns["y"]
    found = rank_correlation("x", "y")(columns), slope("x", "y")(columns), mean("x")(columns)
    for at in range(5):
        np.testing.assert_allclose(found[0][at], stats.spearmanr(x[at], y[at]).statistic)
        np.testing.assert_allclose(found[1][at], stats.linregress(x[at], y[at]).slope)
        np.testing.assert_allclose(found[2][at], x[at].mean())


def test_differences_are_those_of_scipys_slopes_and_of_means():
    x, y, z = np.random.default_rng(1).normal(size=(3, 4, 20))
    columns = {"x": x, "y": y, "z": z}
    slopes = difference_of_slopes("x", "y", "z")(columns)
    means = mean_difference("y", "z")(columns)
    for at in range(4):
        one, other = (stats.linregress(x[at], column[at]).slope for column in (y, z))
        np.testing.assert_allclose(slopes[at], one - other)
        np.testing.assert_allclose(means[at], y[at].mean() - z[at].mean())


def test_span_and_gain_compare_means_at_values_of_a_column():
    columns = {
        "alpha": np.array([-2.0, -2.0, -1.0, 0.0, 0.0, 1.0]),
        "training_strength": np.array([0.0, 4.0, 4.0, 2.0, 0.0, 2.0]),
        "clean": np.array([0.1, 0.3, 0.7, 0.2, 0.4, 0.9]),
    }
    np.testing.assert_allclose(span("clean")(columns), 0.9 - 0.2)
    np.testing.assert_allclose(span("clean", "training_strength")(columns), 0.5 - 0.25)
    np.testing.assert_allclose(largest_gain("clean")(columns), 0.7 - 0.3)
    for chosen in (columns["alpha"] >= 0, columns["alpha"] != 0):
        assert np.isnan(largest_gain("clean")({name: of[chosen] for name, of in columns.items()}))
