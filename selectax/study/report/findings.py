"""The papers' seven findings, and whether a results table bears them out.

What decides each was written down before any study was run: every effect below with a condition,
all of which must hold. Effects without one are told beside them and decide nothing.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from selectax.study.report.bootstrap import (
    FEWEST_SEEDS,
    Estimate,
    Statistic,
    estimate,
    mean,
    mean_at,
    rank_correlation,
    slope,
)
from selectax.study.report.per_network import per_network

Verdict = Literal["holds", "does not hold", "cannot say"]

_SELECTIVITY_FALL = 2.5
_NEARLY_ZERO = 0.1
_SMALL_LOSS = 0.02
_NO_LOSS = 0.005


class Effect(NamedTuple):
    """A statistic, and what it must be for a finding to hold.

    Attributes:
      name: what is estimated, with its unit.
      estimate: over networks.
      condition: in words; empty where it decides nothing.
      verdict: whether the interval meets the condition; None where it decides nothing.
    """

    name: str
    estimate: Estimate
    condition: str
    verdict: Verdict | None


@dataclasses.dataclass(frozen=True)
class Finding:
    """A claim of the papers, and what the table says of it.

    Attributes:
      claim: in one sentence.
      source: the paper.
      effects: those that decide first.
      caution: why the verdict may mislead, or empty.
    """

    claim: str
    source: str
    effects: tuple[Effect, ...]
    caution: str = ""

    @property
    def verdict(self) -> Verdict:
        """Holds if all conditions do, does not if one does not, else cannot be said."""
        verdicts = {effect.verdict for effect in self.effects} - {None}
        if "does not hold" in verdicts:
            return "does not hold"
        return "holds" if verdicts == {"holds"} else "cannot say"

    @property
    def headline(self) -> Effect:
        """The effect that decided the verdict: the first that has it."""
        return next(effect for effect in self.effects if effect.verdict == self.verdict)

    @property
    def reason(self) -> str:
        """Why nothing can be said, else empty."""
        if self.verdict != "cannot say":
            return ""
        given = self.headline.estimate
        if given.networks == 0:
            return "not measured"
        if not np.isfinite(given.value):
            return "networks to compare with are lacking, or what is measured does not vary"
        if given.seeds < FEWEST_SEEDS:
            return f"fewer than {FEWEST_SEEDS} seeds"
        if not np.isfinite(given.low):
            return "no interval: too few different networks"
        return "the interval lies on both sides"


def find(
    table: pd.DataFrame, units: Mapping[str, int], rng: np.random.Generator
) -> tuple[Finding, ...]:
    """The seven findings, in the order of the documents.

    Args:
      table: results of one model on one data set, whole or in part.
      units: number of units of each layer, in order of depth.
      rng: draws the bootstrap's resamples.
    """
    networks = per_network(table, units)
    lower, higher = networks[networks["alpha"] <= 0], networks[networks["alpha"] >= 0]

    def effect(name, rows, columns, statistic, sign=0, threshold=0.0, condition="", **options):
        wanted = rows[list(dict.fromkeys(["alpha", "seed", *columns]))].dropna()
        if wanted["alpha"].nunique() < 2:
            # An alpha alone has nothing to be compared with.
            found = Estimate(np.nan, np.nan, np.nan, len(wanted), wanted["seed"].nunique())
        else:
            found = estimate(wanted, statistic, rng, **options)
        if not sign:
            return Effect(name, found, "", None)
        relation = "above" if sign > 0 else "below"
        return Effect(
            name,
            found,
            condition or f"{relation} {threshold:g}",
            _judge(found, sign, threshold),
        )

    def correlation(what, column, rows=networks, sign=0, with_="selectivity", where=""):
        name = f"rank correlation of {with_.replace('_', ' ')} with {what}{where}"
        return effect(name, rows, [with_, column], rank_correlation(with_, column), sign)

    def points(what, column):
        name = f"{what}, most promoted less most discouraged (fraction)"
        return effect(name, _extremes(networks), [column], _span(column), resample_networks=False)

    at_most_0, at_least_0 = ", alpha at most 0", ", alpha at least 0"
    doubted = int((networks["doubts"] > 0).sum())
    return (
        Finding(
            "More negative alpha gives lower class selectivity, step by step.",
            "arXiv 2007.04440, 2003.01262",
            (
                effect(
                    "smallest rise of mean selectivity from one alpha to the next",
                    networks,
                    ["selectivity"],
                    _smallest_rise,
                    sign=1,
                    resample_networks=False,
                ),
                correlation("selectivity", "selectivity", sign=1, with_="alpha"),
                points("clean accuracy", "clean"),
            ),
        ),
        Finding(
            "Lower selectivity withstands corruptions better, and higher selectivity worse.",
            "arXiv 2007.04440",
            (
                correlation(
                    "accuracy under corruptions", "corruptions", lower, -1, where=at_most_0
                ),
                correlation(
                    "accuracy under corruptions", "corruptions", higher, -1, where=at_least_0
                ),
                correlation("accuracy under corruptions by clean accuracy", "relative"),
                points("accuracy under corruptions", "corruptions"),
            ),
        ),
        Finding(
            "Higher selectivity withstands FGSM and PGD better, and lower selectivity worse.",
            "arXiv 2007.04440",
            (
                *(
                    correlation(f"accuracy under {name}", attack, rows, 1, where=where)
                    for attack, name in (("pgd", "PGD"), ("fgsm", "FGSM"))
                    for rows, where in ((lower, at_most_0), (higher, at_least_0))
                ),
                points("accuracy under PGD", "pgd"),
                points("accuracy under FGSM", "fgsm"),
            ),
            f"{doubted} of {len(networks)} networks show signs of masked gradients; their accuracy "
            "under attack may be too high."
            if doubted
            else "",
        ),
        Finding(
            "Lower selectivity gives the perturbations' effect more dimensions in early layers, "
            "under attacks more so than under corruptions.",
            "arXiv 2007.04440",
            (
                correlation(
                    "early dimensions of corruptions' difference",
                    "early_difference_corruptions",
                    sign=-1,
                ),
                correlation(
                    "early dimensions of PGD's difference", "early_difference_pgd", sign=-1
                ),
                effect(
                    "slope over selectivity of early dimensions of the difference, PGD's less "
                    "corruptions' (fraction of units)",
                    networks,
                    ["selectivity", "early_difference_corruptions", "early_difference_pgd"],
                    _slopes_apart,
                    sign=-1,
                ),
            ),
        ),
        Finding(
            "The higher the selectivity, the fewer dimensions early responses have; attacks raise "
            "them more than corruptions do.",
            "arXiv 2010.07693",
            (
                correlation("early dimensions of clean responses", "early", sign=-1),
                effect(
                    "rise of early dimensions by PGD less that by corruptions (fraction of units)",
                    networks.assign(apart=networks["early_pgd"] - networks["early_corruptions"]),
                    ["apart"],
                    mean("apart"),
                    sign=1,
                ),
            ),
        ),
        Finding(
            "Input-unit gradients vary more, over samples and over units, in networks of higher "
            "selectivity.",
            "arXiv 2010.07693",
            (
                correlation("variation over samples", "variation_over_samples", sign=1),
                correlation("variation over units", "variation_over_units", sign=1),
            ),
        ),
        Finding(
            "Selectivity can fall 2.5-fold at no loss of clean accuracy, and nearly to zero at "
            "about 2 points.",
            "arXiv 2003.01262",
            (
                effect(
                    "largest fall of selectivity, in times, at an alpha whose clean accuracy is "
                    f"at most {100 * _NO_LOSS:g} points below that of alpha 0",
                    lower,
                    ["selectivity", "clean"],
                    _largest_fall,
                    sign=1,
                    threshold=_SELECTIVITY_FALL,
                    resample_networks=False,
                ),
                effect(
                    "smallest loss of clean accuracy at an alpha with at most a tenth of the "
                    "selectivity of alpha 0 (fraction)",
                    lower,
                    ["selectivity", "clean"],
                    _smallest_loss,
                    sign=-1,
                    threshold=1.5 * _SMALL_LOSS,
                    condition=f"below {1.5 * _SMALL_LOSS:g}, for about {_SMALL_LOSS:g}",
                    resample_networks=False,
                ),
            ),
        ),
    )  # fmt: skip


def _judge(found: Estimate, sign: int, threshold: float) -> Verdict:
    low, high = sorted((sign * (found.low - threshold), sign * (found.high - threshold)))
    if low > 0:
        return "holds"
    return "does not hold" if high < 0 else "cannot say"  # NaN, too


def _extremes(networks):
    alphas = networks["alpha"]
    return networks[(alphas == alphas.min()) | (alphas == alphas.max())]


def _span(column: str) -> Statistic:
    def statistic(columns):
        lowest, highest = columns["alpha"].min(), columns["alpha"].max()
        return mean_at(columns, column, highest) - mean_at(columns, column, lowest)

    return statistic


def _by_alpha(columns, name):
    """Alphas, and means at each along a last axis."""
    alphas = np.unique(columns["alpha"])
    return alphas, np.stack([mean_at(columns, name, alpha) for alpha in alphas], axis=-1)


def _smallest_rise(columns):
    _, means = _by_alpha(columns, "selectivity")
    return np.diff(means, axis=-1).min(-1)


def _slopes_apart(columns):
    of_attacks, of_corruptions = (
        slope("selectivity", f"early_difference_{kind}")(columns) for kind in ("pgd", "corruptions")
    )
    return of_attacks - of_corruptions


def _from_0(columns):
    """Of each alpha below 0: how many times lower its selectivity is, and its loss of accuracy."""
    alphas, selectivity = _by_alpha(columns, "selectivity")
    _, clean = _by_alpha(columns, "clean")
    if 0 not in alphas or len(alphas) < 2:
        nothing = np.full((*selectivity.shape[:-1], 1), np.nan)
        return nothing, nothing
    at_0 = list(alphas).index(0)
    rest = alphas != 0
    falls = selectivity[..., [at_0]] / selectivity[..., rest]
    return falls, clean[..., [at_0]] - clean[..., rest]


def _largest_fall(columns):
    falls, losses = _from_0(columns)
    # Alpha 0 itself falls by nothing and loses nothing.
    largest = np.where(losses <= _NO_LOSS, falls, 1).max(-1)
    # Where no alpha is strong enough, nothing is said of what selectivity can do.
    strong_enough = falls.max(-1) >= _SELECTIVITY_FALL
    return np.where(strong_enough, largest, np.nan)


def _smallest_loss(columns):
    falls, losses = _from_0(columns)
    smallest = np.where(falls >= 1 / _NEARLY_ZERO, losses, np.inf).min(-1)
    return np.where(np.isfinite(smallest), smallest, np.nan)
