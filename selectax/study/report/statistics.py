"""Statistics over networks, for the papers' findings.

Each function here takes columns whose last axis is networks and whose first axis is bootstrap
resamples, or returns such a function. The columns always include `alpha` and `seed`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int


class Columns:
    """Columns of networks that were drawn with replacement.

    Attributes:
      of_networks: each column of the networks to draw from, by name.
      rows: indices of the drawn networks.
    """

    def __init__(
        self,
        of_networks: Mapping[str, Float[np.ndarray, "networks"]],
        rows: Int[np.ndarray, "resamples drawn"],
    ) -> None:
        self.of_networks, self.rows = of_networks, rows

    def __getitem__(self, name: str) -> Float[np.ndarray, "resamples drawn"]:
        """Returns a column of the drawn networks."""
        return self.of_networks[name][self.rows]

    def times_drawn(self) -> Float[np.ndarray, "resamples networks"]:
        """Returns how often each network was drawn."""
        resamples = len(self.rows)
        networks = len(next(iter(self.of_networks.values())))
        apart = self.rows + networks * np.arange(resamples)[:, None]
        counts = np.bincount(apart.ravel(), minlength=resamples * networks)
        return counts.reshape(resamples, networks).astype(float)


Statistic = Callable[[Columns], Float[np.ndarray, "resamples"]]

# An alpha that loses at most this much clean accuracy loses none.
NO_LOSS = 0.005
# The papers report a fall of selectivity by this factor without a loss of accuracy.
SELECTIVITY_FALL = 2.5
# Selectivity is nearly zero if at most this fraction of it is left.
NEARLY_ZERO = 0.1


def rank_correlation(x: str, y: str) -> Statistic:
    """Spearman's rank correlation, between −1 and 1; NaN if a column is constant."""

    def statistic(columns):
        times = columns.times_drawn()
        one, other = (_ranks_from_the_mean(columns.of_networks[name], times) for name in (x, y))

        def product(a, b):
            return np.einsum("ij,ij->i", times * a, b)

        return product(one, other) / np.sqrt(product(one, one) * product(other, other))

    return statistic


def _ranks_from_the_mean(
    values: Float[np.ndarray, "networks"], times: Float[np.ndarray, "resamples networks"]
) -> Float[np.ndarray, "resamples networks"]:
    """Twice the difference of each network's rank from the mean rank, in each resample.

    Ties share the mean of their ranks. All networks are sorted once, in place of each resample.
    """
    distinct, which = np.unique(values, return_inverse=True)
    order = np.argsort(which, kind="stable")
    begins = np.searchsorted(which[order], np.arange(len(distinct)))
    times_of_value = np.add.reduceat(times[:, order], begins, axis=-1)
    up_to_value = times_of_value.cumsum(-1)
    ranks = 2 * up_to_value - times_of_value - up_to_value[:, -1:]
    return ranks[:, which]


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


def largest_fall_without_loss(columns: Columns) -> Float[np.ndarray, "resamples"]:
    """Largest factor by which selectivity falls, over the alphas that lose no clean accuracy.

    Returns:
      At least 1, the value at alpha 0 itself; NaN if no alpha at all lowers selectivity enough to
      test the claim.
    """
    falls, losses = _falls_and_losses(columns)
    largest = np.where(losses <= NO_LOSS, falls, 1).max(-1)
    strong_enough = falls.max(-1) >= SELECTIVITY_FALL
    return np.where(strong_enough, largest, np.nan)


def smallest_loss_near_zero(columns: Columns) -> Float[np.ndarray, "resamples"]:
    """Smallest loss of clean accuracy, over the alphas whose selectivity is nearly zero.

    Returns:
      A fraction; NaN if no alpha has so little selectivity.
    """
    falls, losses = _falls_and_losses(columns)
    smallest = np.where(falls >= 1 / NEARLY_ZERO, losses, np.inf).min(-1)
    return np.where(np.isfinite(smallest), smallest, np.nan)


def mean_at(
    columns: Columns, name: str, value: float, along: str = "alpha"
) -> Float[np.ndarray, "resamples"]:
    """Mean over the networks with one value of `along`."""
    chosen = columns[along] == value
    return np.where(chosen, columns[name], 0).sum(-1) / chosen.sum(-1)


def means_by_alpha(
    columns: Columns, name: str
) -> tuple[Float[np.ndarray, "alphas"], Float[np.ndarray, "resamples alphas"]]:
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
