"""Figures drawn from the results table, one function a figure, each theme a module.

Intervals are over seeds: a 95 % t-interval for three and more, the range for two, none for one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.dimensionality import dimensionality_by_layer
from selectax.study.report.figures.plotting import STYLE
from selectax.study.report.figures.robustness import (
    accuracy_by_severity,
    clean_accuracy_by_alpha,
    perturbed_accuracy_by_alpha,
    robust_accuracy_by_epsilon,
    robust_accuracy_by_steps,
    robustness_by_selectivity,
)
from selectax.study.report.figures.selectivity import selectivity_by_alpha, selectivity_by_layer
from selectax.study.report.figures.single_units import (
    accuracy_by_ablated_layer,
    accuracy_by_ablation,
    input_gradients_by_alpha,
    input_gradients_by_layer,
)
from selectax.study.runtime.whole_files import whole_file

# PDF is the vector form that LaTeX takes and journals ask for. Without dates, so that the same
# table gives the same bytes.
_PDF: dict[str, Any] = {"format": "pdf", "metadata": {"CreationDate": None}}
_PNG: dict[str, Any] = {"format": "png", "dpi": 200}


def draw_all(table: pd.DataFrame, units: Mapping[str, int]) -> dict[str, Figure]:
    """Draws each figure for which the table has data; rows without an alpha are left out.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      Figures by name.

    Raises:
      ValueError: the table is of several models or data sets, or has a layer that `units` lacks.
    """
    # An official corrupted set belongs to the clean one.
    for column, values in (
        ("model", table["model"]),
        ("dataset", table["dataset"].str.removesuffix("_c")),
    ):
        if values.nunique() > 1:
            several = ", ".join(values.unique())
            raise ValueError(f"table has several in column {column}, {several}; take one of them.")
    figures = {
        "robustness_by_selectivity": robustness_by_selectivity(table, units),
        "selectivity_by_alpha": selectivity_by_alpha(table),
        "selectivity_by_layer": selectivity_by_layer(table, units),
        "clean_accuracy_by_alpha": clean_accuracy_by_alpha(table),
        "perturbed_accuracy_by_alpha": perturbed_accuracy_by_alpha(table),
        "accuracy_by_severity": accuracy_by_severity(table),
        "robust_accuracy_by_epsilon": robust_accuracy_by_epsilon(table),
        "robust_accuracy_by_steps": robust_accuracy_by_steps(table),
        "dimensionality_by_layer": dimensionality_by_layer(table, units),
        "input_gradients_by_alpha": input_gradients_by_alpha(table),
        "input_gradients_by_layer": input_gradients_by_layer(table, units),
        "accuracy_by_ablation": accuracy_by_ablation(table, units),
        "accuracy_by_ablated_layer": accuracy_by_ablated_layer(table, units),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def save(figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Writes figures as PNG and PDF files named as they are, each wholly or not at all.

    The same figures give the same bytes.

    Returns:
      The PNG files; each has its PDF beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        with matplotlib.rc_context(STYLE):
            with whole_file(folder / f"{name}.pdf", "wb") as file:
                figure.savefig(file, **_PDF)
            # Laid out once, for both to be alike.
            layout = figure.get_layout_engine()
            figure.set_layout_engine("none")
            with whole_file(folder / f"{name}.png", "wb") as file:
                figure.savefig(file, **_PNG)
            figure.set_layout_engine(layout)
    return [folder / f"{name}.png" for name in figures]
