"""MEASURES: the measures of a sweep, by name.

Importing the table imports no measure. Each module is imported when its measure is first used, so
that the command line shows its help without delay.
"""

from collections.abc import Callable, Iterable
from typing import Any

from selectax.study.measures.measure import Measure, Row
from selectax.study.runtime.lazy_functions import lazy_function


def _in_module(module: str, function: str = "rows") -> Callable[[Any], Iterable[Row]]:
    """Returns a function of a module of this folder, which is imported when it is called."""
    return lazy_function(f"selectax.study.measures.{module}", function)


_OF_LAYERS = "mean over a layer's units, and for the network the mean over layers"
_ACCURACY = {"accuracy": "fraction of images that are classified correctly, 0 to 1"}
_DIMENSIONALITY = {
    **{
        f"dimensionality_{share}": f"number of principal components of a layer's responses that "
        f"reach {share} % of their variance"
        for share in (90, 95, 99)
    },
    "participation_ratio": "effective number of dimensions of a layer's responses, from 1 to the "
    "number of units (Gao et al. 2017)",
    "effective_rank": "exponential of the entropy of the singular values of a layer's responses, "
    "from 1 to the number of units (Roy & Vetterli 2007)",
}
_SELECTIVITY = {
    "class_selectivity": f"class selectivity index, 0 to 1; {_OF_LAYERS} (Morcos et al. 2018)",
}

# Always measured, so it is not in MEASURES.
CLEAN_ACCURACY = Measure(
    name="clean",
    help="accuracy on clean images",
    metrics=_ACCURACY,
    rows=_in_module("clean", "accuracy"),
)

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            name="selectivity",
            help="class selectivity index, also of perturbed images if these are measured",
            metrics={
                **_SELECTIVITY,
                **{
                    f"class_selectivity_decile_{decile}": f"{10 * decile} % quantile of the index "
                    "over the units of a layer"
                    for decile in range(11)
                },
                "share_selective": "share of units with an index above 0.75, 0 to 1; of a layer, "
                "and for the network the mean over layers",
                "dead_units": "share of units with a response of 0 to every test image, 0 to 1; of "
                "a layer, and for the network the mean over layers",
            },
            rows=_in_module("clean", "selectivity"),
            needs_no_sign=True,
            is_default=True,
        ),
        Measure(
            name="corruptions",
            help="accuracy under common corruptions",
            metrics={
                **_ACCURACY,
                "relative_accuracy": "accuracy divided by the accuracy on the clean images",
                **_DIMENSIONALITY,
                **_SELECTIVITY,
            },
            rows=_in_module("corruptions"),
            is_default=True,
            options=("corruptions", "severities", "corrupted_images"),
        ),
        Measure(
            name="attacks",
            help="accuracy under adversarial attacks",
            metrics={
                **_ACCURACY,
                "masked_gradients": "number of signs that the network hides its gradients from "
                "PGD; above 0, do not believe the attack",
                **_DIMENSIONALITY,
                **_SELECTIVITY,
            },
            rows=_in_module("attacks"),
            is_default=True,
            options=(
                *("attacks", "epsilons", "response_epsilons", "norm"),
                *("pgd_steps", "pgd_restarts", "attack_images"),
            ),
        ),
        Measure(
            name="dimensionality",
            help="dimensionality of responses, also of perturbed images if these are measured",
            metrics=_DIMENSIONALITY,
            rows=_in_module("clean", "dimensionality"),
            is_default=True,
        ),
        Measure(
            name="intrinsic_dimension",
            help="intrinsic dimension of responses by TwoNN",
            metrics={
                "intrinsic_dimension": "dimension of the manifold of a layer's responses to at "
                "most 10,000 test images, by nearest neighbours (TwoNN, Facco et al. 2017)",
            },
            rows=_in_module("clean", "intrinsic_dimension"),
        ),
        Measure(
            name="input_gradients",
            help="variation of input-unit gradients",
            metrics={
                "input_gradient_cv": "coefficient of variation over samples of the norm of a "
                f"unit's gradient with respect to the input; {_OF_LAYERS} "
                "(Leavitt & Morcos, arXiv 2010.07693)",
                "input_gradient_cv_over_units": "coefficient of variation over units of the mean "
                "norm; for the network the mean over layers",
            },
            rows=_in_module("input_gradients"),
            options=("input_gradient_directions", "attack_images"),
        ),
        Measure(
            name="ablation",
            help="accuracy as units are switched off",
            metrics=_ACCURACY,
            rows=_in_module("ablation"),
            needs_no_sign=True,
            options=("ablation_points", "attack_images"),
            requires=("masked",),
        ),
        Measure(
            name="indices",
            help="other indices of selectivity: d′, sparseness, precision",
            metrics={
                "class_conditional_mean_activity_selectivity": "CCMAS, 0 to 1; " + _OF_LAYERS,
                "d_prime": "d′ of the preferred class against all others; " + _OF_LAYERS,
                "treves_rolls_sparseness": "Treves–Rolls sparseness, 0 to 1; " + _OF_LAYERS,
                "vinje_gallant_sparseness": "Vinje–Gallant sparseness, 0 to 1; " + _OF_LAYERS,
                "precision_at_60": "fraction of the most common class among the 60 images with the "
                f"strongest responses; {_OF_LAYERS} (Gale et al. 2020)",
            },
            rows=_in_module("indices"),
            needs_no_sign=True,
        ),
        Measure(
            name="bases",
            help="class selectivity in other orthogonal bases than that of the units",
            metrics={
                "class_selectivity_rotated": "mean class selectivity index of a layer's responses "
                "under random orthogonal rotations, 0 to 1; for the network the mean over layers "
                "(rotations as in Bau et al. 2017)",
                "class_selectivity_best_basis": "largest mean class selectivity index over "
                "orthogonal bases that gradient ascent finds, 0 to 1; for the network the mean "
                "over layers",
            },
            rows=_in_module("bases"),
        ),
    )
}
# Measures that the attacks also take of attacked images.
RESPONSE_MEASURES = ("selectivity", "dimensionality")
# Metrics of training itself, and of networks that could not be measured.
_OF_TRAINING = {
    "train_loss": "mean training loss of an epoch",
    "train_accuracy": "mean training accuracy of an epoch, 0 to 1",
    "diverged": "1 for a network that diverged and was not measured",
}
METRICS: dict[str, str] = {
    **CLEAN_ACCURACY.metrics,
    **{name: text for measure in MEASURES.values() for name, text in measure.metrics.items()},
    **_OF_TRAINING,
}


def table_with(measures: Iterable[Measure]) -> dict[str, Measure]:
    """Returns MEASURES with user-defined measures, which replace those of the same name.

    Raises:
      ValueError: two measures have the same name, or one has a metric that only another measure
        has, so that their rows would be indistinguishable. Metrics that several of our measures
        share, such as accuracy, may be used for perturbations of your own.
    """
    own: dict[str, Measure] = {}
    for measure in measures:
        if measure.name in own:
            raise ValueError(f"measures: {measure.name} is given twice; rename one of them.")
        own[measure.name] = measure
    table = {**MEASURES, **own}
    for measure in own.values():
        if measure is MEASURES.get(measure.name):
            continue
        for metric in measure.metrics:
            others = [
                other.name
                for other in (CLEAN_ACCURACY, *table.values())
                if other is not measure and metric in other.metrics
            ]
            if len(others) == 1:
                raise ValueError(
                    f"measures {measure.name}: its metric {metric!r} is also one of measure "
                    f"{others[0]}; give it another name."
                )
    return table
