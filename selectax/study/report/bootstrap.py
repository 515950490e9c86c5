"""Estimates over networks with bootstrap intervals over seeds, for findings, report and figures.

Networks with the same seed start from the same parameters and see the same batches, so the seeds
are the independent samples. The bootstrap draws seeds with replacement and then, for some
statistics, networks within each drawn seed. `scipy.stats.bootstrap` has only one such level.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from selectax.study.report.statistics import Columns, Statistic

# With fewer seeds there is no interval.
FEWEST_SEEDS = 3
# Enough for the ends of an interval to vary by about a hundredth of its width between generators.
RESAMPLES = 20_000
# There is no interval if the statistic is undefined in more than this fraction of the resamples,
# as when all networks are alike.
_LARGEST_UNDEFINED_SHARE = 0.1
_PERCENTILES = [2.5, 97.5]
# Number of drawn networks that are computed at a time.
_ROWS_AT_A_TIME = 100_000
# The share of resamples below an end of an interval varies by so many of its standard deviations
# in 1 % of draws.
_DEVIATIONS = 2.58


class Estimate(NamedTuple):
    """A statistic over networks.

    Attributes:
      value: the statistic of all networks; NaN if it is undefined.
      low: lower end of the 95 % interval; NaN if there is no interval.
      high: upper end of the interval.
      networks: number of networks.
      seeds: number of seeds.
      error: distance within which, in 99 % of draws, the ends lie from those of infinitely many
        resamples.
    """

    value: float
    low: float
    high: float
    networks: int
    seeds: int
    error: float = 0.0


def estimate(
    networks: pd.DataFrame,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    resample_networks: bool = True,
    resamples: int | None = None,
) -> Estimate:
    """Estimates a statistic and its 95 % percentile interval.

    Args:
      networks: one row a network, with `seed` and the columns that the statistic uses, without
        missing values.
      statistic: function of columns whose last axis is networks and whose other axes are resamples.
      rng: draws the resamples.
      resample_networks: whether to draw networks within each drawn seed too; not for a statistic
        that needs every alpha of a seed.
      resamples: number of resamples; RESAMPLES by default.

    Returns:
      The estimate; without an interval if there are fewer than FEWEST_SEEDS seeds.
    """
    seeds, seed_of = np.unique(networks["seed"], return_inverse=True)
    columns = {name: networks[name].to_numpy(float) for name in networks.columns}

    def of(rows):
        with np.errstate(invalid="ignore", divide="ignore"):
            return statistic(Columns(columns, rows))

    (value,) = of(np.arange(len(networks))[None]) if len(networks) else (np.nan,)
    value = float(value)
    without_interval = Estimate(value, np.nan, np.nan, len(networks), len(seeds))
    if len(seeds) < FEWEST_SEEDS or not np.isfinite(value):
        return without_interval
    members = [np.flatnonzero(seed_of == at) for at in range(len(seeds))]
    # Repeat the networks of the smaller seeds, so that every seed has the same weight.
    width = max(map(len, members))
    table = np.stack([np.resize(rows, width) for rows in members])
    sizes = np.array([len(rows) for rows in members])

    def drawn_rows(drawn):
        if not resample_networks:
            return table[drawn].reshape(len(drawn), -1)
        places = (rng.random((*drawn.shape, width)) * sizes[drawn][..., None]).astype(int)
        return table[drawn[..., None], places].reshape(len(drawn), -1)

    # Some at a time, so that their arrays stay in the processor's cache.
    some = max(1, _ROWS_AT_A_TIME // table.size)
    drawn = _draw_seeds(len(seeds), rng, resamples or RESAMPLES)
    parts = (drawn[begin : begin + some] for begin in range(0, len(drawn), some))
    resampled = np.concatenate([of(drawn_rows(part)) for part in parts])
    if np.isfinite(resampled).mean() < 1 - _LARGEST_UNDEFINED_SHARE:
        return without_interval
    low, high = np.nanpercentile(resampled, _PERCENTILES)
    return without_interval._replace(
        low=float(low), high=float(high), error=_error_of_ends(resampled)
    )


def _error_of_ends(resampled: Float[np.ndarray, "resamples"]) -> float:
    """From the order statistics around each end, whatever the distribution."""
    share = np.array(_PERCENTILES) / 100
    deviation = _DEVIATIONS * np.sqrt(share * (1 - share) / len(resampled))
    shares = np.clip(share + deviation * [[-1], [0], [1]], 0, 1)
    lower, ends, upper = np.nanpercentile(resampled, 100 * shares)
    return float(np.max([ends - lower, upper - ends]))


def seeds_to_decide(found: Estimate, threshold: float) -> int | None:
    """Number of seeds with which an interval would no longer contain a threshold.

    This assumes that the estimate stays the same, and that the half-width of the interval falls
    with the number n of seeds as that of a mean does: as sqrt(n - 1) / n, which is about
    1 / sqrt(n). Because the estimate varies between studies, about half of the studies with this
    many seeds would decide, and four fifths of those with twice as many. The number is rough, as
    intervals from few seeds are.

    Args:
      found: an estimate with an interval that contains the threshold.
      threshold: the value that the interval should lie on one side of.

    Returns:
      The smallest such number, more than the estimate has; None if there is no interval, the
      interval has no width on this side, or the estimate equals the threshold.
    """
    above = found.value > threshold
    half_width = found.value - found.low if above else found.high - found.value
    distance = abs(found.value - threshold)
    if not (np.isfinite(half_width) and half_width > 0 and distance > 0):
        return None
    # The largest allowed (n - 1) / n².
    allowed = (distance / half_width) ** 2 * (found.seeds - 1) / found.seeds**2
    number = (1 + math.sqrt(max(0.0, 1 - 4 * allowed))) / (2 * allowed)
    return max(math.ceil(number), found.seeds + 1)


def intervals_of_means(
    values: Float[np.ndarray, "means seeds"], rng: np.random.Generator
) -> tuple[Float[np.ndarray, "means"], Float[np.ndarray, "means"]]:
    """Ends of the 95 % percentile intervals of many means over the same number of seeds.

    Each interval is that of `estimate` for the mean of one network a seed. All means share one
    draw of the seeds, which makes this much faster.

    Args:
      values: one value a seed for each mean.
      rng: draws the resamples.

    Returns:
      The lower and the upper ends; NaN if there are fewer than FEWEST_SEEDS seeds.
    """
    means, seeds = values.shape
    if seeds < FEWEST_SEEDS:
        return np.full(means, np.nan), np.full(means, np.nan)
    # A few seeds have few different resamples, 126 for five; compute each mean once.
    drawn = np.sort(_draw_seeds(seeds, rng, RESAMPLES), axis=-1)
    distinct, counts = np.unique(drawn, axis=0, return_counts=True)
    ends = [_percentiles(one[distinct].mean(-1), counts) for one in values]
    low, high = np.array(ends).reshape(means, 2).T
    return low, high


def _percentiles(values, counts):
    """`np.percentile` of values that are each repeated a number of times."""
    order = np.argsort(values)
    first_above = np.cumsum(counts[order])
    places = np.array(_PERCENTILES) / 100 * (counts.sum() - 1)
    below, above = (
        values[order[np.searchsorted(first_above, place, side="right")]]
        for place in (np.floor(places), np.ceil(places))
    )
    return below + (above - below) * (places - np.floor(places))


def _draw_seeds(seeds, rng, resamples):
    return rng.integers(seeds, size=(resamples, seeds))
