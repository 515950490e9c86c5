"""Means over seeds with their bootstrap intervals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from selectax.study.report.bootstrap import FEWEST_SEEDS, intervals_of_means


def over_seeds(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Means over networks, each network's values averaged first, with intervals over seeds.

    Args:
      rows: rows of a results table; rows without a value are left out.
      by: columns whose values are kept apart.

    Returns:
      Columns `by`, `mean`, `low` and `high` (ends of the 95 % bootstrap interval for three or more
      seeds, of the range for two, NaN for one) and `seeds`, their number.
    """
    networks = rows.dropna(subset="value").groupby([*by, "seed"])["value"].mean()
    groups = networks.groupby(list(by)).agg(["mean", "min", "max", "count"])
    values, count = networks.to_numpy(), groups["count"].to_numpy()
    starts = np.cumsum(count) - count
    low, high = (groups[end].where(count == 2).to_numpy(copy=True) for end in ("min", "max"))
    for seeds in np.unique(count[count >= FEWEST_SEEDS]):
        chosen = np.flatnonzero(count == seeds)
        of_chosen = values[starts[chosen][:, None] + np.arange(seeds)]
        low[chosen], high[chosen] = intervals_of_means(of_chosen, np.random.default_rng(0))
    return groups[["mean"]].assign(low=low, high=high, seeds=count).reset_index()


def over_seeds_text(summary: pd.DataFrame) -> str:
    """What the means and intervals of `over_seeds` are, for a caption."""
    seeds = sorted(set(summary["seeds"]))
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    if seeds[-1] == 1:
        return "1 seed"
    interval = "range" if seeds[-1] == 2 else "95 % bootstrap interval"
    if seeds[-1] >= FEWEST_SEEDS and 2 in seeds:
        interval += " (range for two)"
    return f"means over {count} seeds with {interval}"
