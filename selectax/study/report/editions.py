"""EDITIONS: the conditions on the papers' findings, by when they were fixed.

Reports use the second edition, `claims.FINDINGS`. The first is kept for the studies that were made
under it, which keep their verdicts; `experiments/studies/decided_by.json` lists them.
"""

from typing import NamedTuple

from selectax.study.report.claims import FINDINGS
from selectax.study.report.criteria import (
    AT_LEAST_0,
    AT_MOST_0,
    EXTREMES,
    Claim,
    Criterion,
    correlation,
)
from selectax.study.report.statistics import (
    NO_LOSS,
    SELECTIVITY_FALL,
    difference_of_slopes,
    largest_fall_without_loss,
    mean_difference,
    smallest_loss_near_zero,
    smallest_rise,
    span,
)

# The papers report a loss of about 2 points; half as much again still counts as about 2 points.
_SMALL_LOSS = 0.02


class Edition(NamedTuple):
    """The claims that were tested from a date on, and how they are graded.

    Attributes:
      name: "first" or "second".
      date: when the conditions were fixed.
      claims: the claims with their conditions.
      in_parts: whether a claim of which only some conditions hold is said to hold in part; without
        it, one condition that fails decides that the claim does not hold.
    """

    name: str
    date: str
    claims: tuple[Claim, ...]
    in_parts: bool


def _span(what: str, column: str) -> Criterion:
    """Difference between the most promoted and the most discouraged networks; decides nothing."""
    return Criterion(
        name=f"{what}, most promoted less most discouraged (fraction)",
        columns=(column,),
        statistic=span(column),
        alphas=EXTREMES,
        resample_networks=False,
    )


_FIRST: tuple[Claim, ...] = (
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
            correlation("selectivity", "selectivity", "above", with_column="alpha"),
            _span("clean accuracy", "clean"),
        ),
    ),
    Claim(
        text="Lower selectivity withstands corruptions better, and higher selectivity worse.",
        source="arXiv 2007.04440",
        criteria=(
            correlation("accuracy under corruptions", "corruptions", "below", AT_MOST_0),
            correlation("accuracy under corruptions", "corruptions", "below", AT_LEAST_0),
            correlation("accuracy under corruptions by clean accuracy", "relative"),
            _span("accuracy under corruptions", "corruptions"),
        ),
    ),
    Claim(
        text="Higher selectivity withstands FGSM and PGD better, and lower selectivity worse.",
        source="arXiv 2007.04440",
        criteria=(
            correlation("accuracy under PGD", "pgd", "above", AT_MOST_0),
            correlation("accuracy under PGD", "pgd", "above", AT_LEAST_0),
            correlation("accuracy under FGSM", "fgsm", "above", AT_MOST_0),
            correlation("accuracy under FGSM", "fgsm", "above", AT_LEAST_0),
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
            correlation(
                "early dimensions of corruptions' difference",
                "early_difference_corruptions",
                "below",
            ),
            correlation("early dimensions of PGD's difference", "early_difference_pgd", "below"),
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
            correlation("early dimensions of clean responses", "early", "below"),
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
            correlation("variation over samples", "variation_over_samples", "above"),
            correlation("variation over units", "variation_over_units", "above"),
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

EDITIONS: dict[str, Edition] = {
    "first": Edition("first", "2026-11-25", _FIRST, in_parts=False),
    "second": Edition("second", "2026-11-28", FINDINGS, in_parts=True),
}
