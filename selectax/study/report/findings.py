"""Whether a results table confirms the papers' findings, which `claims.FINDINGS` lists."""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple, Optional

import numpy as np
import pandas as pd

from selectax.study.report.bootstrap import FEWEST_SEEDS, Estimate, estimate, seeds_to_decide
from selectax.study.report.criteria import Claim, Criterion
from selectax.study.report.editions import EDITIONS, Edition
from selectax.study.report.per_network import COARSEST_GRID, per_network

Verdict = Literal["holds", "does not hold", "cannot say"]
Grade = Literal["holds", "holds in part", "does not hold", "cannot say", "not tested"]

SECOND = EDITIONS["second"]
# Findings are also evaluated without networks that lost more than this share of a layer's units.
MOST_DEAD = 0.1
# The mean of log2 of epsilon rests on its extension beyond the grid if more images are outside.
_MOST_BEYOND = 0.25


class Effect(NamedTuple):
    """An estimated statistic, and whether it meets its condition.

    Attributes:
      name: what is estimated, with its unit.
      estimate: its value and interval over networks.
      condition: what the interval must be, in words; empty if the effect decides nothing.
      verdict: whether the interval meets the condition; None if the effect decides nothing.
      is_premise: whether the condition is one that the claim presupposes.
      seeds: number of seeds that would decide the condition if the effect is as large as measured;
        None if it is decided or the number is unknown.
    """

    name: str
    estimate: Estimate
    condition: str
    verdict: Verdict | None
    is_premise: bool = False
    seeds: int | None = None


@dataclasses.dataclass(frozen=True)
class Finding:
    """A claim of the papers, and whether the table confirms it.

    Attributes:
      claim: one sentence.
      source: the paper.
      effects: the effects that decide the verdict, then those that are only reported.
      in_parts: whether it is graded by parts, see `editions.Edition`.
      caution: why the verdict may be misleading, or empty.
      untested: why the networks cannot test the claim, or empty.
      without_dead: the same finding without the networks that lost more than MOST_DEAD of a layer's
        units; None if there are no such networks.
      left_out: number of networks that `without_dead` leaves out.
    """

    claim: str
    source: str
    effects: tuple[Effect, ...]
    in_parts: bool = True
    caution: str = ""
    untested: str = ""
    without_dead: Optional["Finding"] = None
    left_out: int = 0

    @property
    def conditions(self) -> tuple[Effect, ...]:
        """The effects whose verdicts are counted."""
        return tuple(effect for effect in self.effects if effect.verdict and not effect.is_premise)

    @property
    def held(self) -> int:
        """Number of conditions that hold."""
        return sum(effect.verdict == "holds" for effect in self.conditions)

    @property
    def verdict(self) -> Grade:
        """The grade of the claim.

        It holds if every condition does. Otherwise it holds in part if a condition holds, does not
        hold if a condition fails, and is unknown if no condition is decided or a premise does not
        hold. If claims are not graded by parts, one condition that fails decides.
        """
        if self.untested:
            return "not tested"
        if self._missing_premise:
            return "cannot say"
        fails = any(effect.verdict == "does not hold" for effect in self.conditions)
        if self.held == len(self.conditions):
            return "holds"
        if self.in_parts and self.held:
            return "holds in part"
        return "does not hold" if fails else "cannot say"

    @property
    def parts(self) -> str:
        """The number of conditions that hold, if only some do; otherwise empty."""
        some = self.verdict == "holds in part"
        return f"({self.held} of {len(self.conditions)})" if some else ""

    @property
    def grade(self) -> str:
        """The verdict, with the number of conditions that hold if only some do."""
        return f"{self.verdict} {self.parts}".rstrip()

    @property
    def differs_without_dead(self) -> bool:
        """Whether a verdict changes without the networks that have many dead units."""
        other = self.without_dead
        if other is None:
            return False
        pairs = zip(self.conditions, other.conditions, strict=False)
        return other.grade != self.grade or any(a.verdict != b.verdict for a, b in pairs)

    @property
    def headline(self) -> Effect:
        """The effect that decides the verdict: the first one whose verdict it is."""
        wanted = "holds" if self.verdict == "holds in part" else self.verdict
        deciding = [effect for effect in self.conditions if effect.verdict == wanted]
        premise = self._missing_premise
        return premise or (deciding or self.effects)[0]

    @property
    def seeds(self) -> int | None:
        """Number of seeds that would decide all conditions if the effects are as measured.

        None if all are decided, or if the number is unknown for one that is not.
        """
        undecided = [effect for effect in self.effects if effect.verdict == "cannot say"]
        numbers = [effect.seeds for effect in undecided if effect.seeds is not None]
        return max(numbers) if numbers and len(numbers) == len(undecided) else None

    @property
    def reason(self) -> str:
        """Why the verdict is unknown; empty if it is known."""
        if self.untested:
            return self.untested
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
        if self._missing_premise and self.headline.verdict == "does not hold":
            return "training did not make these networks more robust, as the claim presupposes"
        return "; ".join(filter(None, ["the interval lies on both sides", self.seeds_text]))

    @property
    def seeds_text(self) -> str:
        """How many seeds would decide the undecided conditions; empty if that is unknown."""
        if self.seeds is None:
            return ""
        number = seeds_in_words(self.seeds)
        rest = " the rest" * (self.verdict != "cannot say")
        return f"{number} seeds would decide{rest} if the effects are as large as measured"

    @property
    def _missing_premise(self) -> Effect | None:
        premises = [effect for effect in self.effects if effect.verdict and effect.is_premise]
        return next((effect for effect in premises if effect.verdict != "holds"), None)


def find(
    table: pd.DataFrame,
    units: Mapping[str, int],
    rng: np.random.Generator,
    edition: Edition = SECOND,
) -> tuple[Finding, ...]:
    """Evaluates each claim of an edition, in its order.

    Args:
      table: results of one model on one data set, complete or partial.
      units: number of units of each layer, in order of depth.
      rng: draws the bootstrap's resamples.
      edition: the claims and how they are graded.
    """
    networks = per_network(table, units)
    of = {name: "".join(table[name][:1]).removesuffix("_c") for name in ("model", "dataset")}
    studied = of["model"], of["dataset"]
    return tuple(_evaluate(claim, networks, studied, rng, edition) for claim in edition.claims)


def _evaluate(
    claim: Claim,
    networks: pd.DataFrame,
    studied: tuple[str, str],
    rng: np.random.Generator,
    edition: Edition,
) -> Finding:
    compared = compared_by(claim, networks)
    found = _find(claim, compared, studied, rng, edition)
    dead = compared["dead"] > MOST_DEAD
    if not dead.any():
        return found
    without_dead = _find(claim, compared[~dead], studied, rng, edition)
    return dataclasses.replace(found, without_dead=without_dead, left_out=int(dead.sum()))


def _find(claim, compared, studied, rng, edition):
    untested = _why_untested(claim, compared, studied)
    effects = tuple(
        _estimate(criterion, claim, compared, rng, untested) for criterion in claim.criteria
    )
    caution = _caution_on_attacks(compared) if claim.attacks and not untested else ""
    return Finding(claim.text, claim.source, effects, edition.in_parts, caution, untested)


def compared_by(claim: Claim, networks: pd.DataFrame) -> pd.DataFrame:
    """The networks that a claim compares."""
    standard = networks["training_strength"] == 0
    if claim.method is None:
        return networks[standard]
    of_method = networks["training"] == claim.method
    return networks[(of_method | standard) & (networks["alpha"] == 0)]


def _why_untested(claim: Claim, compared: pd.DataFrame, studied: tuple[str, str]) -> str:
    if claim.only is not None and studied != claim.only:
        model, dataset = claim.only
        return f"the claim is about {model} on {dataset} only"
    if compared.empty:
        return "no networks are measured"
    if compared[claim.along].nunique() < 2:
        return f"no networks to compare: one {claim.along.replace('_', ' ')} only" + (
            f" with --training-method {claim.method}" if claim.method else ""
        )
    if claim.method and not (compared["training_strength"] == 0).any():
        return "no networks of standard training to compare with: train --training-strength 0, too"
    return ""


def _estimate(
    criterion: Criterion,
    claim: Claim,
    networks: pd.DataFrame,
    rng: np.random.Generator,
    untested: str,
) -> Effect:
    found = estimate_criterion(criterion, claim.along, networks, rng)
    verdict = None if untested else judge(found, criterion)
    seeds = seeds_to_decide(found, criterion.threshold) if verdict == "cannot say" else None
    return Effect(criterion.name, found, criterion.condition, verdict, criterion.is_premise, seeds)


def estimate_criterion(
    criterion: Criterion,
    along: str,
    networks: pd.DataFrame,
    rng: np.random.Generator,
    resamples: int | None = None,
) -> Estimate:
    """Estimates what a criterion is about, from networks that differ along a column."""
    rows = networks[criterion.alphas.include(networks["alpha"])]
    columns = rows[list(dict.fromkeys([along, "seed", *criterion.columns]))].dropna()
    if columns[along].nunique() < 2:
        # A single alpha or strength cannot be compared with anything.
        return Estimate(np.nan, np.nan, np.nan, len(columns), columns["seed"].nunique())
    found = estimate(
        columns,
        criterion.statistic,
        rng,
        resample_networks=criterion.resample_networks,
        resamples=resamples,
    )
    # Many seeds of one alpha or strength do not make up for few of all others.
    second = columns.groupby(along)["seed"].nunique().nlargest(2).iloc[1]
    if second < FEWEST_SEEDS:
        return found._replace(low=np.nan, high=np.nan, seeds=int(second))
    return found


def judge(found: Estimate, criterion: Criterion) -> Verdict | None:
    """Whether an estimate meets a criterion's condition; None if there is no condition.

    Undecided if another draw of resamples might give another verdict.
    """
    if criterion.must_be is None:
        return None
    above = found.low - found.error > criterion.threshold
    below = found.high + found.error < criterion.threshold
    if above or below:
        return "holds" if above == (criterion.must_be == "above") else "does not hold"
    return "cannot say"  # also if there is no interval


def seeds_in_words(seeds: int) -> str:
    """A rough number of seeds, rounded up to two digits."""
    unit = 10 ** max(0, len(str(seeds)) - 2)
    return f"about {-(-seeds // unit) * unit:,}"


def _caution_on_attacks(networks: pd.DataFrame) -> str:
    sentences = []
    doubted = int((networks["doubts"] > 0).sum())
    if doubted:
        sentences.append(
            f"{doubted} of {len(networks)} networks show signs of masked gradients; their accuracy "
            "under attack may be too high."
        )
    if networks["pgd"].notna().any() and networks["pgd_log2"].isna().all():
        sentences.append(
            "The epsilons are too far apart to find the smallest one that breaks an image; "
            f"neighbours may differ by a factor of {COARSEST_GRID:g} at most."
        )
    beyond = int((networks[["pgd_beyond", "fgsm_beyond"]].max(axis=1) > _MOST_BEYOND).sum())
    if beyond:
        sentences.append(
            f"In {beyond} of {len(networks)} networks more than a quarter of the images break "
            "below the smallest epsilon or survive the largest; a wider range of epsilons would be "
            "more exact."
        )
    return " ".join(sentences)
