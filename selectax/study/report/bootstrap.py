"""Effects over networks and their intervals, by a hierarchical bootstrap over seeds.

Networks of one seed start alike and see the same batches, so that seeds are what was drawn at
random: they are drawn anew first, and then, where asked for, networks within each drawn seed.
(`scipy.stats.bootstrap` knows one level alone.)
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

FEWEST_SEEDS = 3
# So many that an interval's end moves by about a hundredth of its width from seed to seed.
RESAMPLES = 20_000
# Of the resamples, at most so many may leave the statistic undefined, by all networks alike.
_LARGEST_UNDEFINED_SHARE = 0.1

Columns = dict[str, Float[np.ndarray, "... networks"]]
Statistic = Callable[[Columns], Float[np.ndarray, "..."]]


class Estimate(NamedTuple):
    """A statistic over networks.

    Attributes:
      value: over all networks, NaN where it is undefined.
      low: lower end of its 95 % interval, NaN where there is none.
      high: upper end.
      networks: how many.
      seeds: how many.
    """

    value: float
    low: float
    high: float
    networks: int
    seeds: int


def estimate(
    networks: pd.DataFrame,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    resample_networks: bool = True,
) -> Estimate:
    """A statistic with its 95 % percentile interval.

    Args:
      networks: a row a network, with `seed` and what the statistic asks for, none missing.
      statistic: of columns whose last axis is networks and whose others are resamples.
      rng: draws the resamples.
      resample_networks: whether networks are drawn anew within each drawn seed; not for a statistic
        that needs every alpha.

    Returns:
      The estimate; without an interval for fewer than FEWEST_SEEDS seeds.
    """
    seeds, seed_of = np.unique(networks["seed"], return_inverse=True)
    columns = {name: networks[name].to_numpy(float) for name in networks.columns}

    def of(rows):
        with np.errstate(invalid="ignore", divide="ignore"):
            return statistic({name: column[rows] for name, column in columns.items()})

    value = float(of(np.arange(len(networks)))) if len(networks) else np.nan
    nothing = Estimate(value, np.nan, np.nan, len(networks), len(seeds))
    if len(seeds) < FEWEST_SEEDS or not np.isfinite(value):
        return nothing
    members = [np.flatnonzero(seed_of == at) for at in range(len(seeds))]
    # As many from each seed, so that each counts alike.
    width = max(map(len, members))
    table = np.stack([np.resize(rows, width) for rows in members])
    sizes = np.array([len(rows) for rows in members])

    drawn = rng.integers(len(seeds), size=(RESAMPLES, len(seeds)))
    if resample_networks:
        places = (rng.random((*drawn.shape, width)) * sizes[drawn][..., None]).astype(int)
        rows = table[drawn[..., None], places]
    else:
        rows = table[drawn]
    resampled = of(rows.reshape(RESAMPLES, -1))
    if np.isfinite(resampled).mean() < 1 - _LARGEST_UNDEFINED_SHARE:
        return nothing
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return nothing._replace(low=float(low), high=float(high))


def rank_correlation(x: str, y: str) -> Statistic:
    """Spearman's, between −1 and 1; NaN where a column does not vary."""

    def statistic(columns):
        ranks = [stats.rankdata(columns[name], axis=-1) for name in (x, y)]
        one, other = (rank - rank.mean(-1, keepdims=True) for rank in ranks)
        return (one * other).sum(-1) / np.sqrt((one**2).sum(-1) * (other**2).sum(-1))

    return statistic


def slope(x: str, y: str) -> Statistic:
    """Of the least-squares line of y over x, in units of y per unit of x."""

    def statistic(columns):
        deviation = columns[x] - columns[x].mean(-1, keepdims=True)
        return (deviation * columns[y]).sum(-1) / (deviation**2).sum(-1)

    return statistic


def mean(name: str) -> Statistic:
    """Mean over networks."""
    return lambda columns: columns[name].mean(-1)


def mean_at(columns: Columns, name: str, alpha: float) -> Float[np.ndarray, "..."]:
    """Mean over the networks of one alpha."""
    chosen = columns["alpha"] == alpha
    return np.where(chosen, columns[name], 0).sum(-1) / chosen.sum(-1)
