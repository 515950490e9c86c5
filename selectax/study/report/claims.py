"""FINDINGS: the papers' findings, and what decides whether a results table confirms each.

To add a finding, add an entry here and a test. The conditions were written down before any study
was run; `experiments/studies/decided_by.json` repeats them and a test compares the two.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal, NamedTuple

import pandas as pd

from selectax.study.report.statistics import (
    NO_LOSS,
    SELECTIVITY_FALL,
    Statistic,
    difference_of_slopes,
    largest_fall_without_loss,
    mean_difference,
    rank_correlation,
    smallest_loss_near_zero,
    smallest_rise,
    span,
)

# The papers report a loss of about 2 points; half as much again still counts as about 2 points.
_SMALL_LOSS = 0.02


class Alphas(NamedTuple):
    """Which networks an effect is estimated over.

    Attributes:
      words: to be added to the effect's name; empty for all networks.
      include: whether each alpha of a column is included.
    """

    words: str
    include: Callable[[pd.Series], pd.Series]


ALL = Alphas("", pd.Series.notna)
AT_MOST_0 = Alphas(", alpha at most 0", lambda alphas: alphas <= 0)
AT_LEAST_0 = Alphas(", alpha at least 0", lambda alphas: alphas >= 0)
EXTREMES = Alphas("", lambda alphas: (alphas == alphas.min()) | (alphas == alphas.max()))


@dataclasses.dataclass(frozen=True)
class Criterion:
    """An effect to estimate and, if it decides anything, the condition that it must meet.

    Attributes:
      name: what is estimated, with its unit.
      columns: columns of `selectax.study.report.per_network.per_network` that the statistic uses;
        networks in which one is missing are left out.
      statistic: function from these columns to the effect.
      alphas: networks to estimate it over.
      must_be: on which side of the threshold the whole interval must lie; None if the effect is
        only reported and decides nothing.
      threshold: in the effect's unit.
      remark: added to the condition in words.
      resample_networks: whether the bootstrap also draws networks within each seed; False for a
        statistic that needs every alpha of a seed.
    """

    name: str
    columns: tuple[str, ...]
    statistic: Statistic
    alphas: Alphas = ALL
    must_be: Literal["above", "below"] | None = None
    threshold: float = 0.0
    remark: str = ""
    resample_networks: bool = True

    @property
    def condition(self) -> str:
        """The condition in words; empty if the effect decides nothing."""
        return f"{self.must_be} {self.threshold:g}{self.remark}" if self.must_be else ""


@dataclasses.dataclass(frozen=True)
class Claim:
    """A finding of the papers. It holds if all criteria with a condition are met.

    Attributes:
      text: the claim in one sentence.
      source: the paper.
      criteria: what to estimate, those with a condition first.
      attacks: whether it depends on attacks, which masked gradients would make look weaker.
    """

    text: str
    source: str
    criteria: tuple[Criterion, ...]
    attacks: bool = False


def _correlation(
    what: str,
    column: str,
    must_be: Literal["above", "below"] | None = None,
    alphas: Alphas = ALL,
    *,
    with_column: str = "selectivity",
) -> Criterion:
    """Rank correlation of selectivity, or of another column, with a column."""
    return Criterion(
        name=f"rank correlation of {with_column} with {what}{alphas.words}",
        columns=(with_column, column),
        statistic=rank_correlation(with_column, column),
        alphas=alphas,
        must_be=must_be,
    )


def _span(what: str, column: str) -> Criterion:
    """Difference between the most promoted and the most discouraged networks; decides nothing."""
    return Criterion(
        name=f"{what}, most promoted less most discouraged (fraction)",
        columns=(column,),
        statistic=span(column),
        alphas=EXTREMES,
        resample_networks=False,
    )


FINDINGS: tuple[Claim, ...] = (
    Claim(
        text="More negative alpha gives lower class selectivity, step by step.",
        source="arXiv 2007.04440, 2003.01262",
        criteria=(
            Criterion(
                name="smallest rise of mean selectivity from one alpha to the next",
                columns=("selectivity",),
                statistic=smallest_rise("selectivity"),
                must_be="above",
                resample_networks=False,
            ),
            _correlation("selectivity", "selectivity", "above", with_column="alpha"),
            _span("clean accuracy", "clean"),
        ),
    ),
    Claim(
        text="Lower selectivity withstands corruptions better, and higher selectivity worse.",
        source="arXiv 2007.04440",
        criteria=(
            _correlation("accuracy under corruptions", "corruptions", "below", AT_MOST_0),
            _correlation("accuracy under corruptions", "corruptions", "below", AT_LEAST_0),
            _correlation("accuracy under corruptions by clean accuracy", "relative"),
            _span("accuracy under corruptions", "corruptions"),
        ),
    ),
    Claim(
        text="Higher selectivity withstands FGSM and PGD better, and lower selectivity worse.",
        source="arXiv 2007.04440",
        criteria=(
            _correlation("accuracy under PGD", "pgd", "above", AT_MOST_0),
            _correlation("accuracy under PGD", "pgd", "above", AT_LEAST_0),
            _correlation("accuracy under FGSM", "fgsm", "above", AT_MOST_0),
            _correlation("accuracy under FGSM", "fgsm", "above", AT_LEAST_0),
            _span("accuracy under PGD", "pgd"),
            _span("accuracy under FGSM", "fgsm"),
        ),
        attacks=True,
    ),
    Claim(
        text="Lower selectivity gives the perturbations' effect more dimensions in early layers, "
        "under attacks more so than under corruptions.",
        source="arXiv 2007.04440",
        criteria=(
            _correlation(
                "early dimensions of corruptions' difference",
                "early_difference_corruptions",
                "below",
            ),
            _correlation("early dimensions of PGD's difference", "early_difference_pgd", "below"),
            Criterion(
                name="slope over selectivity of early dimensions of the difference, PGD's less "
                "corruptions' (fraction of units)",
                columns=("selectivity", "early_difference_corruptions", "early_difference_pgd"),
                statistic=difference_of_slopes(
                    "selectivity", "early_difference_pgd", "early_difference_corruptions"
                ),
                must_be="below",
            ),
        ),
    ),
    Claim(
        text="The higher the selectivity, the fewer dimensions early responses have; attacks raise "
        "them more than corruptions do.",
        source="arXiv 2010.07693",
        criteria=(
            _correlation("early dimensions of clean responses", "early", "below"),
            Criterion(
                name="rise of early dimensions by PGD less that by corruptions (fraction of units)",
                columns=("early_pgd", "early_corruptions"),
                statistic=mean_difference("early_pgd", "early_corruptions"),
                must_be="above",
            ),
        ),
    ),
    Claim(
        text="Input-unit gradients vary more, over samples and over units, in networks of higher "
        "selectivity.",
        source="arXiv 2010.07693",
        criteria=(
            _correlation("variation over samples", "variation_over_samples", "above"),
            _correlation("variation over units", "variation_over_units", "above"),
        ),
    ),
    Claim(
        text="Selectivity can fall 2.5-fold at no loss of clean accuracy, and nearly to zero at "
        "about 2 points.",
        source="arXiv 2003.01262",
        criteria=(
            Criterion(
                name="largest fall of selectivity, in times, at an alpha whose clean accuracy is "
                f"at most {100 * NO_LOSS:g} points below that of alpha 0",
                columns=("selectivity", "clean"),
                statistic=largest_fall_without_loss,
                alphas=AT_MOST_0,
                must_be="above",
                threshold=SELECTIVITY_FALL,
                resample_networks=False,
            ),
            Criterion(
                name="smallest loss of clean accuracy at an alpha with at most a tenth of the "
                "selectivity of alpha 0 (fraction)",
                columns=("selectivity", "clean"),
                statistic=smallest_loss_near_zero,
                alphas=AT_MOST_0,
                must_be="below",
                threshold=1.5 * _SMALL_LOSS,
                remark=f", for about {_SMALL_LOSS:g}",
                resample_networks=False,
            ),
        ),
    ),
)
