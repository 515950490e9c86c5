"""Whether a results table confirms the papers' findings, which `claims.FINDINGS` lists."""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from selectax.study.report.bootstrap import FEWEST_SEEDS, Estimate, estimate
from selectax.study.report.claims import FINDINGS, Claim, Criterion
from selectax.study.report.per_network import per_network

Verdict = Literal["holds", "does not hold", "cannot say"]


class Effect(NamedTuple):
    """An estimated statistic, and whether it meets its condition.

    Attributes:
      name: what is estimated, with its unit.
      estimate: its value and interval over networks.
      condition: what the interval must be, in words; empty if the effect decides nothing.
      verdict: whether the interval meets the condition; None if the effect decides nothing.
    """

    name: str
    estimate: Estimate
    condition: str
    verdict: Verdict | None


@dataclasses.dataclass(frozen=True)
class Finding:
    """A claim of the papers, and whether the table confirms it.

    Attributes:
      claim: one sentence.
      source: the paper.
      effects: the effects that decide the verdict, then those that are only reported.
      caution: why the verdict may be misleading, or empty.
    """

    claim: str
    source: str
    effects: tuple[Effect, ...]
    caution: str = ""

    @property
    def verdict(self) -> Verdict:
        """Holds if every condition does; does not hold if one does not; otherwise unknown."""
        verdicts = {effect.verdict for effect in self.effects} - {None}
        if "does not hold" in verdicts:
            return "does not hold"
        return "holds" if verdicts == {"holds"} else "cannot say"

    @property
    def headline(self) -> Effect:
        """The effect that decides the verdict: the first effect with the same verdict."""
        return next(effect for effect in self.effects if effect.verdict == self.verdict)

    @property
    def reason(self) -> str:
        """Why the verdict is unknown; empty if it is known."""
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
    """Evaluates each entry of FINDINGS, in its order.

    Args:
      table: results of one model on one data set, complete or partial.
      units: number of units of each layer, in order of depth.
      rng: draws the bootstrap's resamples.
    """
    networks = per_network(table, units)
    return tuple(_evaluate(claim, networks, rng) for claim in FINDINGS)


def _evaluate(claim: Claim, networks: pd.DataFrame, rng: np.random.Generator) -> Finding:
    effects = tuple(_estimate(criterion, networks, rng) for criterion in claim.criteria)
    caution = _caution_on_attacks(networks) if claim.attacks else ""
    return Finding(claim.text, claim.source, effects, caution)


def _estimate(criterion: Criterion, networks: pd.DataFrame, rng: np.random.Generator) -> Effect:
    rows = networks[criterion.alphas.include(networks["alpha"])]
    columns = rows[list(dict.fromkeys(["alpha", "seed", *criterion.columns]))].dropna()
    if columns["alpha"].nunique() < 2:
        # A single alpha cannot be compared with anything.
        found = Estimate(np.nan, np.nan, np.nan, len(columns), columns["seed"].nunique())
    else:
        found = estimate(
            columns, criterion.statistic, rng, resample_networks=criterion.resample_networks
        )
    return Effect(criterion.name, found, criterion.condition, _judge(found, criterion))


def _judge(found: Estimate, criterion: Criterion) -> Verdict | None:
    if criterion.must_be is None:
        return None
    above, below = found.low > criterion.threshold, found.high < criterion.threshold
    if above or below:
        return "holds" if above == (criterion.must_be == "above") else "does not hold"
    return "cannot say"  # also if there is no interval


def _caution_on_attacks(networks: pd.DataFrame) -> str:
    doubted = int((networks["doubts"] > 0).sum())
    if not doubted:
        return ""
    return (
        f"{doubted} of {len(networks)} networks show signs of masked gradients; their accuracy "
        "under attack may be too high."
    )
