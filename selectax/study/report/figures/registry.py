"""FIGURES: the figures of a results table, by name.

To add a figure, add a function to the module of its theme, an entry here and a test.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.dimensionality import dimensionality_by_layer
from selectax.study.report.figures.robustness import (
    accuracy_by_selectivity,
    accuracy_by_severity,
    clean_accuracy_by_alpha,
    perturbed_accuracy_by_alpha,
    robust_accuracy_by_epsilon,
    robust_accuracy_by_steps,
    robustness_by_selectivity,
)
from selectax.study.report.figures.selectivity import (
    dead_units_by_layer,
    selectivity_by_alpha,
    selectivity_by_layer,
)
from selectax.study.report.figures.single_units import (
    accuracy_by_ablated_layer,
    accuracy_by_ablation,
    input_gradients_by_alpha,
    input_gradients_by_layer,
)
from selectax.study.report.figures.training.by_strength import (
    robustness_by_selectivity_of_methods,
    selectivity_by_strength,
)

_DECILES = tuple(f"class_selectivity_decile_{decile}" for decile in range(11))
_INPUT_GRADIENTS = ("input_gradient_cv", "input_gradient_cv_over_units")
# Metrics of ours that need no figure of their own.
_NOT_DRAWN = (
    *("train_loss", "train_accuracy", "diverged", "masked_gradients"),
    *("relative_accuracy", "dimensionality_90", "dimensionality_99", "participation_ratio"),
    "effective_rank",
)


class Measured(NamedTuple):
    """What figures are drawn from.

    Attributes:
      table: results of one model on one data set, of standard training.
      units: number of units of each layer, in order of depth.
      unit_values: class selectivity index of each unit, see `selectivity_by_layer`, if it is known.
      trained: results of these networks and of those that were trained for robustness.
    """

    table: pd.DataFrame
    units: Mapping[str, int]
    unit_values: pd.DataFrame | None
    trained: pd.DataFrame


@dataclasses.dataclass(frozen=True)
class FigureEntry:
    """A figure of the results.

    Attributes:
      draw: draws it, or returns None if the rows that it needs are missing.
      metrics: metrics that it shows.
      title: what it shows, in one sentence; the report's caption, and the start of its alt text.
    """

    draw: Callable[[Measured], Figure | None]
    metrics: tuple[str, ...]
    title: str


FIGURES: dict[str, FigureEntry] = {
    "robustness_by_selectivity": FigureEntry(
        lambda given: robustness_by_selectivity(given.table, given.units),
        ("class_selectivity", "accuracy"),
        "Each mark is a network; its colour and shape show its alpha.",
    ),
    "selectivity_by_alpha": FigureEntry(
        lambda given: selectivity_by_alpha(given.table),
        ("class_selectivity",),
        "Mean class selectivity of the networks at each alpha.",
    ),
    "selectivity_by_layer": FigureEntry(
        lambda given: selectivity_by_layer(given.table, given.units, given.unit_values),
        _DECILES,
        "Class selectivity of the units in each layer.",
    ),
    "dead_units_by_layer": FigureEntry(
        lambda given: dead_units_by_layer(given.table, given.units),
        ("dead_units",),
        "Share of dead units in each layer, whose response is 0 to every test image.",
    ),
    "clean_accuracy_by_alpha": FigureEntry(
        lambda given: clean_accuracy_by_alpha(given.table),
        ("accuracy",),
        "Accuracy on clean test images at each alpha.",
    ),
    "accuracy_by_selectivity": FigureEntry(
        lambda given: accuracy_by_selectivity(given.table, given.units),
        ("class_selectivity", "accuracy"),
        "Accuracy on clean test images against class selectivity. Each coloured mark is a network; "
        "grey dots are read off the figure of the papers' author, some labelled with their alpha.",
    ),
    "perturbed_accuracy_by_alpha": FigureEntry(
        lambda given: perturbed_accuracy_by_alpha(given.table),
        ("accuracy", "relative_accuracy"),
        "Accuracy under corruptions and attacks at each alpha.",
    ),
    "accuracy_by_severity": FigureEntry(
        lambda given: accuracy_by_severity(given.table),
        ("accuracy",),
        "Accuracy under each corruption as its severity rises.",
    ),
    "robust_accuracy_by_epsilon": FigureEntry(
        lambda given: robust_accuracy_by_epsilon(given.table),
        ("accuracy",),
        "Accuracy under each attack as epsilon rises.",
    ),
    "robust_accuracy_by_steps": FigureEntry(
        lambda given: robust_accuracy_by_steps(given.table),
        ("accuracy",),
        "Accuracy under PGD as the number of its steps rises.",
    ),
    "selectivity_by_strength": FigureEntry(
        lambda given: selectivity_by_strength(given.trained, given.units),
        ("class_selectivity",),
        "Class selectivity of each layer as the strength of training for robustness rises.",
    ),
    "robustness_by_selectivity_of_methods": FigureEntry(
        lambda given: robustness_by_selectivity_of_methods(given.trained, given.units),
        ("class_selectivity", "accuracy", "relative_accuracy"),
        "Robustness to corruptions and to PGD against class selectivity. Each mark is a network; "
        "its colour and shape show how it was trained.",
    ),
    "dimensionality_by_layer": FigureEntry(
        lambda given: dimensionality_by_layer(given.table, given.units),
        ("dimensionality_95",),
        "Dimensionality of each layer's responses to clean and perturbed images, and of the "
        "difference between the two.",
    ),
    "input_gradients_by_alpha": FigureEntry(
        lambda given: input_gradients_by_alpha(given.table),
        _INPUT_GRADIENTS,
        "Variation of the input-unit gradients at each alpha.",
    ),
    "input_gradients_by_layer": FigureEntry(
        lambda given: input_gradients_by_layer(given.table, given.units),
        _INPUT_GRADIENTS,
        "Variation of the input-unit gradients in each layer.",
    ),
    "accuracy_by_ablation": FigureEntry(
        lambda given: accuracy_by_ablation(given.table, given.units),
        ("accuracy",),
        "Accuracy as units of the whole network are switched off.",
    ),
    "accuracy_by_ablated_layer": FigureEntry(
        lambda given: accuracy_by_ablated_layer(given.table, given.units),
        ("accuracy",),
        "Accuracy as units of one layer are switched off.",
    ),
}


def other_metrics(table: pd.DataFrame) -> list[str]:
    """Metrics of a table that no entry shows and that need a default figure, in its order."""
    known = {*_NOT_DRAWN, *(metric for entry in FIGURES.values() for metric in entry.metrics)}
    return [metric for metric in dict.fromkeys(table["metric"]) if metric not in known]
