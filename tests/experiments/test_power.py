"""Simulated studies, against covariances that are known and the power of a normal test."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.studies import power
from selectax.study.report.criteria import Criterion
from selectax.study.report.statistics import mean

LEVELS = np.array([-1.0, 0.0, 2.0])
MEANS = np.array([[0.1, 3.0], [0.2, 2.0], [0.4, 1.0]])
SHARED = np.array([[0.3, 0.0], [0.1, 0.2]])
OWN = np.array([[0.1, 0.0], [-0.2, 0.1]])
KNOWN = power.Networks("alpha", LEVELS, ("one", "other"), MEANS, SHARED, OWN)


def covariance(factor):
    return factor @ factor.T


def test_what_is_drawn_has_the_means_and_covariances():
    drawn = KNOWN.draw(20_000, np.random.default_rng(0))
    values = drawn[["one", "other"]].to_numpy().reshape(20_000, 3, 2)
    np.testing.assert_array_equal(drawn["alpha"].to_numpy().reshape(-1, 3), [LEVELS] * 20_000)
    np.testing.assert_allclose(values.mean(axis=0), MEANS, atol=0.01)
    one_network = np.cov(values[:, 1].T)
    np.testing.assert_allclose(one_network, covariance(SHARED) + covariance(OWN), atol=0.003)
    of_one_seed = np.cov(values[:, 0].T, values[:, 2].T)[:2, 2:]
    np.testing.assert_allclose(of_one_seed, covariance(SHARED), atol=0.003)


def test_fitting_finds_what_networks_were_drawn_from():
    drawn = KNOWN.draw(20_000, np.random.default_rng(0))
    found = power.fit(drawn.sample(frac=1, random_state=0), "alpha", ("one", "other", "one"))
    assert found.columns == ("one", "other")
    np.testing.assert_array_equal(found.levels, LEVELS)
    np.testing.assert_allclose(found.means, MEANS, atol=0.01)
    np.testing.assert_allclose(covariance(found.shared), covariance(SHARED), atol=0.003)
    np.testing.assert_allclose(covariance(found.own), covariance(OWN), atol=0.003)


def test_a_level_that_lacks_a_seed_is_left_out():
    drawn = KNOWN.draw(4, np.random.default_rng(0))
    drawn.loc[1, "other"] = np.nan  # alpha 0 of the first seed
    np.testing.assert_array_equal(power.fit(drawn, "alpha", ("one", "other")).levels, [-1, 2])
    with pytest.raises(ValueError, match="1 seeds; two of each needed"):
        power.fit(drawn[drawn["seed"] == 1], "alpha", ("one",))


@pytest.mark.slow
@pytest.mark.parametrize(("must_be", "side"), [("above", 0), ("below", 1)])
@pytest.mark.parametrize("distance", [1.96, 3.24])
def test_power_is_that_of_a_normal_test(distance, must_be, side):
    """Of a mean over 30 seeds that lies this many of its standard errors above the threshold."""
    networks = power.Networks(
        "alpha",
        np.array([0.0, 1.0]),
        ("one",),
        np.full((2, 1), distance / np.sqrt(30)),
        np.ones((1, 1)),
        np.zeros((1, 1)),
    )
    criterion = Criterion("mean", ("one",), mean("one"), must_be=must_be)
    found = power.power(criterion, networks, 30, 300, np.random.default_rng(0))
    expected = stats.norm.cdf(distance - 1.96)
    deviation = np.sqrt(expected * (1 - expected) / 300)
    assert abs(found[side] - expected) < 3 * deviation + 0.03
    assert found[1 - side] < 0.01


def test_seeds_grow_until_a_condition_is_decided(tmp_path, capsys):
    path = tmp_path / "power.csv"
    assert power.main(["resnet8_cifar10_augmix", "--draws", "10", "--output", str(path)]) == 0
    table = pd.read_csv(path)
    assert tuple(table.columns) == power.COLUMNS
    for _, rows in table.groupby(["condition", "levels"]):
        decided = rows[["holds", "fails"]].max(axis=1) >= power.WANTED
        assert not decided[:-1].any()
        assert decided.iloc[-1] or rows["seeds"].iloc[-1] == power.NUMBERS_OF_SEEDS[-1]
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["resnet9"], "no study has the name resnet9"), (["--draws", "0"], "must be at least 1")],
)
def test_what_cannot_be_is_refused(words, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        power.main(words)
    assert said in capsys.readouterr().err
