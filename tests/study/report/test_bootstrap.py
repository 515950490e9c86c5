"""Effects and intervals beside scipy's and closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from selectax.study.report import bootstrap
from selectax.study.report.bootstrap import (
    Estimate,
    estimate,
    intervals_of_means,
    seeds_to_decide,
)
from selectax.study.report.statistics import mean, rank_correlation


def networks_of(values, seeds):
    return pd.DataFrame({"seed": seeds, "alpha": 0.0, "value": values})


def test_over_seeds_it_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(1).exponential(size=12)
    found = estimate(
        networks_of(values, np.arange(12)),
        mean("value"),
        np.random.default_rng(0),
        resample_networks=False,
    )
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    width = interval.high - interval.low
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(interval.low, abs=0.05 * width)
    assert found.high == pytest.approx(interval.high, abs=0.05 * width)


def test_ends_of_almost_all_draws_are_within_the_error():
    values = np.random.default_rng(1).exponential(size=12)
    exact = stats.bootstrap(
        (values,), np.mean, n_resamples=400_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    within, ratios = 0, []
    for draw in range(100):
        found = estimate(
            networks_of(values, np.arange(12)),
            mean("value"),
            np.random.default_rng(draw),
            resample_networks=False,
            resamples=2000,
        )
        apart = max(abs(found.low - exact.low), abs(found.high - exact.high))
        within += apart < found.error
        ratios.append(apart / found.error)
    assert within >= 95
    assert max(ratios) > 0.5  # it is no wider than it needs to be


def test_both_levels_add_their_variances():
    generator = np.random.default_rng(3)
    of_seed = generator.normal(size=8)
    values = of_seed[:, None] + 2 * generator.normal(size=(8, 20))
    frame = networks_of(values.ravel(), np.repeat(np.arange(8), 20))
    widths = {}
    for both in (False, True):
        found = estimate(frame, mean("value"), np.random.default_rng(0), resample_networks=both)
        widths[both] = (found.high - found.low) / (2 * 1.96)
        assert (found.networks, found.seeds) == (160, 8)
    between = values.mean(1).var() / 8
    within = values.var(1).mean() / 160
    assert widths[False] ** 2 == pytest.approx(between, rel=0.15)
    assert widths[True] ** 2 == pytest.approx(between + within, rel=0.15)


def test_seeds_count_alike_however_many_networks_they_have():
    values, seeds = [1.0] * 6 + [0.0, 0.0, 0.0], [0] * 6 + [1, 2, 3]
    found = estimate(networks_of(values, seeds), mean("value"), np.random.default_rng(0))
    assert found.value == pytest.approx(6 / 9)
    # Of four seeds one has ones: the resamples' mean is a binomial share.
    share = stats.binom(4, 0.25)
    assert (found.low, found.high) == (share.ppf(0.025) / 4, share.ppf(0.975) / 4)


def test_networks_of_a_seed_are_drawn_alike():
    # Of these seeds all but one have two networks, and the interval is narrow around 1/2.
    values, seeds = [0.0, 1.0] * 300 + [0.5] * 5, [*np.repeat(np.arange(300), 2), *[300] * 5]
    found = estimate(networks_of(values, seeds), mean("value"), np.random.default_rng(0))
    assert (found.low + found.high) / 2 == pytest.approx(0.5, abs=0.01)
    assert found.high - found.low < 0.1


@pytest.mark.parametrize(
    ("values", "seeds", "why"),
    [
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], "two seeds"),
        ([], [], "none"),
    ],
)
def test_without_enough_networks_there_is_no_interval(values, seeds, why):
    found = estimate(networks_of(values, seeds), mean("value"), np.random.default_rng(0))
    assert np.isnan(found.low), why
    assert np.isnan(found.high), why


def test_an_undefined_statistic_has_no_interval():
    frame = networks_of(np.ones(6), np.arange(6)).assign(alpha=np.arange(6.0))
    statistic = rank_correlation("alpha", "value")
    found = estimate(frame, statistic, np.random.default_rng(0))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_the_same_generator_gives_the_same_interval():
    frame = networks_of(np.arange(10.0), np.arange(10))
    one, other = (estimate(frame, mean("value"), np.random.default_rng(5)) for _ in range(2))
    assert one == other


def test_the_number_of_resamples_at_a_time_does_not_matter(monkeypatch):
    generator = np.random.default_rng(0)
    frame = networks_of(generator.normal(size=12), np.repeat(np.arange(4), 3))
    frame = frame.assign(alpha=np.tile([-1.0, 0.0, 1.0], 4))
    found = []
    for rows in (1, 7_000, 10**9):
        monkeypatch.setattr(bootstrap, "_ROWS_AT_A_TIME", rows)
        statistic = rank_correlation("alpha", "value")
        found.append(estimate(frame, statistic, np.random.default_rng(1), resamples=2000))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("seeds", [3, 5, 9])
def test_many_means_have_the_intervals_that_each_has_alone(seeds):
    values = np.random.default_rng(4).normal(size=(6, seeds)).round(1)  # rounded, for ties
    low, high = intervals_of_means(values, np.random.default_rng(0))
    for at, one in enumerate(values):
        alone = estimate(
            networks_of(one, np.arange(seeds)),
            mean("value"),
            np.random.default_rng(0),
            resample_networks=False,
        )
        np.testing.assert_allclose([low[at], high[at]], [alone.low, alone.high], atol=1e-12)


def test_means_over_two_seeds_have_no_interval():
    ends = intervals_of_means(np.ones((4, 2)), np.random.default_rng(0))
    np.testing.assert_array_equal(ends, np.full((2, 4), np.nan))


@pytest.mark.parametrize(("offset", "side"), [(0.0, 1), (5.0, -1)])
def test_half_of_the_studies_with_the_seeds_that_decide_do_decide(offset, side, monkeypatch):
    """In simulated studies of a mean, whose effect is what a first study of 12 seeds measured."""
    monkeypatch.setattr(bootstrap, "RESAMPLES", 2000)
    generator = np.random.default_rng(0)
    quantiles = stats.norm.ppf((np.arange(12) + 0.5) / 12)
    effect, deviation = side * 0.5, quantiles.std(ddof=1)
    pilot = networks_of(quantiles / deviation + effect + offset, np.arange(12))
    found = estimate(pilot, mean("value"), generator, resample_networks=False)
    assert min(abs(found.low - offset), abs(found.high - offset)) < 0.2
    number = seeds_to_decide(found, offset)
    # A t-test would need 18: (1.96 / 0.5)² is 15.4, and seeds lose a degree of freedom.
    assert 14 <= number <= 18

    def share_decided(seeds):
        values = generator.normal(effect + offset, 1, (400, seeds))
        low, high = intervals_of_means(values, generator)
        return ((low > offset) if side > 0 else (high < offset)).mean()

    assert share_decided(number) == pytest.approx(0.5, abs=0.12)
    # Power of a z-test: (sqrt(2) - 1) * 1.96 deviations from one half.
    assert share_decided(2 * number) == pytest.approx(0.79, abs=0.1)


def test_seeds_that_decide_follow_from_the_interval_by_hand():
    # From 3 seeds the variance is 2/9; it must fall to a quarter, 1/18, (n - 1) / n² for 17.
    found = Estimate(1.0, -1.0, 1.5, 12, 3)
    assert seeds_to_decide(found, 0.0) == 17
    # The upper end, at half the width, counts for a threshold above.
    assert seeds_to_decide(found, 1.25) == 17
    # One more seed at least, and no number if the effect is at the threshold or has no interval.
    assert seeds_to_decide(Estimate(1.0, -0.001, 2.0, 12, 3), 0.0) == 4
    assert seeds_to_decide(found, 1.0) is None
    assert seeds_to_decide(Estimate(1.0, np.nan, np.nan, 12, 3), 0.0) is None
    # As of a statistic that cannot be below 1.
    assert seeds_to_decide(Estimate(1.0, 1.0, 1.0, 12, 3, error=2.0), 2.5) is None
