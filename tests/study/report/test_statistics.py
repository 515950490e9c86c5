"""Statistics over networks beside those of scipy."""

import numpy as np
from scipy import stats

from selectax.study.report.statistics import mean, rank_correlation, slope


def test_statistics_are_scipys():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 30)).round(1)  # rounded, for ties
    columns = {"x": x, "y": y}
    found = rank_correlation("x", "y")(columns), slope("x", "y")(columns), mean("x")(columns)
    for at in range(5):
        np.testing.assert_allclose(found[0][at], stats.spearmanr(x[at], y[at]).statistic)
        np.testing.assert_allclose(found[1][at], stats.linregress(x[at], y[at]).slope)
        np.testing.assert_allclose(found[2][at], x[at].mean())
