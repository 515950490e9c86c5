"""FINDINGS: the papers' findings, second edition, and what decides whether a table confirms each.

To add a finding, add an entry here and a test. The conditions were fixed before any network was
trained for this edition; `experiments/studies/decided_by.json` repeats them with their date and
reason, and a test compares the two. `first_edition` has those of the earlier studies.

Each entry is one claim from one source. We could read the papers' abstracts and the author's page
about them, not their methods sections, so every condition is our choice.
"""

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
    largest_gain,
    mean_difference,
    smallest_loss_near_zero,
    smallest_rise,
    span,
)

_SELECTIVITY_CONSIDERED_HARMFUL = "arXiv 2003.01262"
_RELATIONSHIP = "arXiv 2007.04440"
_LINKING = "arXiv 2010.07693"
_AUTHORS_PAGE = (
    "the author's page about the papers, and arXiv 2007.04440 for dimensions; the training method "
    "is our choice"
)

# An interval around an effect of exactly the published size reaches to both sides of it. A loss
# half as large again therefore still counts as about 2 points, and so does half of a gain.
_ABOUT_2_POINTS = 0.02
_LARGEST_SMALL_LOSS = 1.5 * _ABOUT_2_POINTS
_SMALLEST_GAIN = 0.5 * _ABOUT_2_POINTS


def _change_of_dimensions(by: str, column: str, must_be, with_column="selectivity") -> Criterion:
    return correlation(
        f"dimensions of the change by {by}, all layers", column, must_be, with_column=with_column
    )


def _by_strength(what: str, column: str, must_be=None, *, is_premise=False) -> Criterion:
    return correlation(
        what, column, must_be, with_column="training_strength", is_premise=is_premise
    )


def _gain_by_strength(what: str, column: str) -> Criterion:
    """Difference between the networks of the largest strength and of strength 0; only reported."""
    return Criterion(
        name=f"{what}, at the largest training strength less at 0",
        columns=(column,),
        statistic=span(column, "training_strength"),
        resample_networks=False,
    )


FINDINGS: tuple[Claim, ...] = (
    Claim(
        text="More negative alpha lowers mean class selectivity, at every step of alpha.",
        source=_SELECTIVITY_CONSIDERED_HARMFUL,
        criteria=(
            Criterion(
                name="smallest rise of mean selectivity from one alpha to the next",
                columns=("selectivity",),
                statistic=smallest_rise("selectivity"),
                must_be="above",
                resample_networks=False,
            ),
            correlation("selectivity", "selectivity", "above", with_column="alpha"),
        ),
    ),
    Claim(
        text="ResNet-20 on CIFAR-10: selectivity can fall 2.5-fold without loss of clean accuracy, "
        "and nearly to zero at a loss of about 2 points.",
        source=_SELECTIVITY_CONSIDERED_HARMFUL,
        only=("resnet20", "cifar10"),
        criteria=(
            Criterion(
                name="largest factor by which selectivity falls at an alpha whose clean accuracy "
                f"is at most {100 * NO_LOSS:g} points below that of alpha 0",
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
                threshold=_LARGEST_SMALL_LOSS,
                remark=f", for about {_ABOUT_2_POINTS:g}",
                resample_networks=False,
            ),
        ),
    ),
    Claim(
        text="ResNet-18 on Tiny ImageNet: lowering selectivity raises clean accuracy by about "
        "2 points.",
        source=_SELECTIVITY_CONSIDERED_HARMFUL,
        only=("resnet18", "tiny_imagenet"),
        criteria=(
            Criterion(
                name="largest gain of clean accuracy over alpha 0 at an alpha below 0 (fraction)",
                columns=("clean",),
                statistic=largest_gain("clean"),
                alphas=AT_MOST_0,
                must_be="above",
                threshold=_SMALLEST_GAIN,
                remark=f", for about {_ABOUT_2_POINTS:g}",
                resample_networks=False,
            ),
        ),
    ),
    Claim(
        text="Raising selectivity lowers clean accuracy.",
        source=_SELECTIVITY_CONSIDERED_HARMFUL,
        criteria=(
            correlation("clean accuracy", "clean", "below", AT_LEAST_0),
            Criterion(
                name="clean accuracy, at the largest alpha less at 0 (fraction)",
                columns=("clean",),
                statistic=span("clean"),
                alphas=AT_LEAST_0,
                resample_networks=False,
            ),
        ),
    ),
    Claim(
        text="Networks with lower selectivity are more robust to corruptions, and networks with "
        "higher selectivity are less robust.",
        source=_RELATIONSHIP,
        criteria=(
            correlation("relative accuracy under corruptions", "relative", "below", AT_MOST_0),
            correlation("relative accuracy under corruptions", "relative", "below", AT_LEAST_0),
            correlation("accuracy under corruptions", "corruptions"),
        ),
    ),
    Claim(
        text="Networks with higher selectivity are more robust to FGSM and PGD, and networks with "
        "lower selectivity are less robust.",
        source=_RELATIONSHIP,
        criteria=(
            correlation("log2 of PGD's smallest epsilon", "pgd_log2", "above", AT_MOST_0),
            correlation("log2 of PGD's smallest epsilon", "pgd_log2", "above", AT_LEAST_0),
            correlation("log2 of FGSM's smallest epsilon", "fgsm_log2", "above", AT_MOST_0),
            correlation("log2 of FGSM's smallest epsilon", "fgsm_log2", "above", AT_LEAST_0),
            Criterion(
                name="log2 of PGD's smallest epsilon, most promoted less most discouraged "
                "(doublings of epsilon)",
                columns=("pgd_log2",),
                statistic=span("pgd_log2"),
                alphas=EXTREMES,
                resample_networks=False,
            ),
        ),
        attacks=True,
    ),
    Claim(
        text="Lower selectivity gives the change of the responses by a perturbation more "
        "dimensions, and more so for attacks than for corruptions.",
        source=_RELATIONSHIP,
        criteria=(
            _change_of_dimensions("corruptions", "difference_corruptions", "below"),
            _change_of_dimensions("PGD", "difference_pgd", "below"),
            Criterion(
                name="slope over selectivity of the dimensions of the change, PGD's less "
                "corruptions', all layers (fraction of units)",
                columns=("selectivity", "difference_corruptions", "difference_pgd"),
                statistic=difference_of_slopes(
                    "selectivity", "difference_pgd", "difference_corruptions"
                ),
                must_be="below",
            ),
        ),
    ),
    Claim(
        text="The responses of early layers have fewer dimensions in networks of higher "
        "selectivity, and attacks raise their number more than corruptions do.",
        source=_LINKING,
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
        source=_LINKING,
        criteria=(
            correlation("variation over samples", "variation_over_samples", "above"),
            correlation("variation over units", "variation_over_units", "above"),
        ),
    ),
    Claim(
        text="Training for robustness to corruptions (AugMix) lowers mean selectivity, and the "
        "change of the responses by corruptions has more dimensions.",
        source=_AUTHORS_PAGE,
        method="augmix",
        criteria=(
            _by_strength("selectivity", "selectivity", "below"),
            _change_of_dimensions(
                "corruptions", "difference_corruptions", "above", "training_strength"
            ),
            _by_strength(
                "relative accuracy under corruptions", "relative", "above", is_premise=True
            ),
            _gain_by_strength("selectivity", "selectivity"),
            _gain_by_strength("relative accuracy under corruptions (fraction)", "relative"),
        ),
    ),
    Claim(
        text="Adversarial training raises mean selectivity, and the change of the responses by "
        "attacks has fewer dimensions.",
        source=_AUTHORS_PAGE,
        method="adversarial",
        criteria=(
            _by_strength("selectivity", "selectivity", "above"),
            _change_of_dimensions("PGD", "difference_pgd", "below", "training_strength"),
            _by_strength("log2 of PGD's smallest epsilon", "pgd_log2", "above", is_premise=True),
            _gain_by_strength("selectivity", "selectivity"),
            _gain_by_strength("log2 of PGD's smallest epsilon (doublings)", "pgd_log2"),
        ),
        attacks=True,
    ),
)
