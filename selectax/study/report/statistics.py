"""Statistics over networks, for the papers' findings.

Each function here takes columns whose last axis is networks and whose other axes are bootstrap
resamples, or returns such a function. The columns always include `alpha` and `seed`.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Float

Columns = dict[str, Float[np.ndarray, "... networks"]]
Statistic = Callable[[Columns], Float[np.ndarray, "..."]]

# An alpha that loses at most this much clean accuracy loses none.
NO_LOSS = 0.005
# The papers report a fall of selectivity by this factor without a loss of accuracy.
SELECTIVITY_FALL = 2.5
# Selectivity is nearly zero if at most this fraction of it is left.
NEARLY_ZERO = 0.1


def rank_correlation(x: str, y: str) -> Statistic:
    """Spearman's rank correlation, between −1 and 1; NaN if a column is constant."""

    def statistic(columns):
        ranks = [_ranks(columns[name]) for name in (x, y)]
        one, other = (rank - rank.mean(-1, keepdims=True) for rank in ranks)
        return (one * other).sum(-1) / np.sqrt((one**2).sum(-1) * (other**2).sum(-1))

    return statistic


def _ranks(values: Float[np.ndarray, "... networks"]) -> Float[np.ndarray, "... networks"]:
    """Along the last axis; ties share the mean of their ranks. SciPy's take a second to import."""
    rows = pd.DataFrame(values.reshape(-1, values.shape[-1]))
    return rows.rank(axis=1).to_numpy().reshape(values.shape)


def slope(x: str, y: str) -> Statistic:
    """Slope of the least-squares line of y over x, in units of y per unit of x."""

    def statistic(columns):
        deviation = columns[x] - columns[x].mean(-1, keepdims=True)
        return (deviation * columns[y]).sum(-1) / (deviation**2).sum(-1)

    return statistic


def difference_of_slopes(x: str, y: str, subtracted: str) -> Statistic:
    """Slope of y over x minus the slope of another column over x."""
    return lambda columns: slope(x, y)(columns) - slope(x, subtracted)(columns)


def mean(name: str) -> Statistic:
    """Mean over networks."""
    return lambda columns: columns[name].mean(-1)


def mean_difference(name: str, subtracted: str) -> Statistic:
    """Mean over networks of the difference between two columns."""
    return lambda columns: (columns[name] - columns[subtracted]).mean(-1)


def span(name: str, along: str = "alpha") -> Statistic:
    """Mean at the largest value of `along` minus the mean at the smallest."""

    def statistic(columns):
        lowest, highest = columns[along].min(), columns[along].max()
        return mean_at(columns, name, highest, along) - mean_at(columns, name, lowest, along)

    return statistic


def smallest_rise(name: str) -> Statistic:
    """Smallest rise of the mean from one alpha to the next larger one."""

    def statistic(columns):
        _, means = means_by_alpha(columns, name)
        return np.diff(means, axis=-1).min(-1)

    return statistic


def largest_gain(name: str) -> Statistic:
    """Largest rise of the mean over that at alpha 0, over the alphas below 0.

    Returns:
      NaN without networks of alpha 0 or of an alpha below 0.
    """

    def statistic(columns):
        alphas, means = means_by_alpha(columns, name)
        if 0 not in alphas or not (alphas < 0).any():
            return np.full(means.shape[:-1], np.nan)
        return (means[..., alphas < 0] - means[..., alphas == 0]).max(-1)

    return statistic


def largest_fall_without_loss(columns: Columns) -> Float[np.ndarray, "..."]:
    """Largest factor by which selectivity falls, over the alphas that lose no clean accuracy.

    Returns:
      At least 1, the value at alpha 0 itself; NaN if no alpha at all lowers selectivity enough to
      test the claim.
    """
    falls, losses = _falls_and_losses(columns)
    largest = np.where(losses <= NO_LOSS, falls, 1).max(-1)
    strong_enough = falls.max(-1) >= SELECTIVITY_FALL
    return np.where(strong_enough, largest, np.nan)


def smallest_loss_near_zero(columns: Columns) -> Float[np.ndarray, "..."]:
    """Smallest loss of clean accuracy, over the alphas whose selectivity is nearly zero.

    Returns:
      A fraction; NaN if no alpha has so little selectivity.
    """
    falls, losses = _falls_and_losses(columns)
    smallest = np.where(falls >= 1 / NEARLY_ZERO, losses, np.inf).min(-1)
    return np.where(np.isfinite(smallest), smallest, np.nan)


def mean_at(
    columns: Columns, name: str, value: float, along: str = "alpha"
) -> Float[np.ndarray, "..."]:
    """Mean over the networks with one value of `along`."""
    chosen = columns[along] == value
    return np.where(chosen, columns[name], 0).sum(-1) / chosen.sum(-1)


def means_by_alpha(
    columns: Columns, name: str
) -> tuple[Float[np.ndarray, "alphas"], Float[np.ndarray, "... alphas"]]:
    """The alphas in ascending order, and the mean at each."""
    alphas = np.unique(columns["alpha"])
    return alphas, np.stack([mean_at(columns, name, alpha) for alpha in alphas], axis=-1)


def _falls_and_losses(columns):
    """For each alpha other than 0: the factor by which selectivity falls, and the accuracy lost."""
    alphas, selectivity = means_by_alpha(columns, "selectivity")
    _, clean = means_by_alpha(columns, "clean")
    if 0 not in alphas or len(alphas) < 2:
        nothing = np.full((*selectivity.shape[:-1], 1), np.nan)
        return nothing, nothing
    at_0 = list(alphas).index(0)
    others = alphas != 0
    falls = selectivity[..., [at_0]] / selectivity[..., others]
    return falls, clean[..., [at_0]] - clean[..., others]
