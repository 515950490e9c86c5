"""Figures drawn from the results table; `FIGURES` lists them.

Intervals are over seeds: 95 % bootstrap intervals for three or more seeds, as in the findings, and
the range for two.
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.default_figures import metric_by_alpha, metric_by_layer
from selectax.study.report.figures.dimensionality import dimensionality_by_layer
from selectax.study.report.figures.images import SHEET_TITLE
from selectax.study.report.figures.registry import FIGURES, FigureEntry, Measured, other_metrics
from selectax.study.report.figures.robustness import (
    accuracy_by_selectivity,
    accuracy_by_severity,
    clean_accuracy_by_alpha,
    perturbed_accuracy_by_alpha,
    robust_accuracy_by_epsilon,
    robust_accuracy_by_steps,
    robustness_by_selectivity,
)
from selectax.study.report.figures.rows import of_known_layers
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
from selectax.study.report.figures.style import STYLE
from selectax.study.report.figures.training.by_strength import (
    robustness_by_selectivity_of_methods,
    selectivity_by_strength,
)
from selectax.study.report.per_network import standard_networks
from selectax.study.runtime.whole_files import whole_file

__all__ = (
    "FIGURES",
    "FigureEntry",
    "accuracy_by_ablated_layer",
    "accuracy_by_ablation",
    "accuracy_by_selectivity",
    "accuracy_by_severity",
    "clean_accuracy_by_alpha",
    "dead_units_by_layer",
    "dimensionality_by_layer",
    "draw_all",
    "input_gradients_by_alpha",
    "input_gradients_by_layer",
    "metric_by_alpha",
    "metric_by_layer",
    "perturbed_accuracy_by_alpha",
    "robust_accuracy_by_epsilon",
    "robust_accuracy_by_steps",
    "robustness_by_selectivity",
    "robustness_by_selectivity_of_methods",
    "save",
    "selectivity_by_alpha",
    "selectivity_by_layer",
    "selectivity_by_strength",
    "title_of",
)

# PDF is the vector format that LaTeX and journals take. Without dates, so that the same table gives
# the same bytes.
_PDF: dict[str, Any] = {"format": "pdf", "metadata": {"CreationDate": None}}
_PNG: dict[str, Any] = {"format": "png", "dpi": 200}


def draw_all(
    table: pd.DataFrame,
    units: Mapping[str, int],
    metrics: Mapping[str, str] | None = None,
    unit_values: pd.DataFrame | None = None,
) -> dict[str, Figure]:
    """Draws every figure of FIGURES that the table has data for, and one of each other metric.

    Rows without an alpha are left out. Networks that were trained for robustness are only in the
    figures of `figures.training`. Rows of layers that `units` lacks, such as logits that a
    user-defined measure describes, are only in the figures of other metrics.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.
      metrics: what each metric is, with its unit and range; for metrics that FIGURES does not show.
      unit_values: class selectivity index of each unit, see `selectivity_by_layer`.

    Returns:
      Figures by name; those of another metric are METRIC_by_alpha and METRIC_by_layer, with `own_`
      before them if FIGURES has one of these names.

    Raises:
      ValueError: the table is of several models or data sets.
    """
    # An official corrupted set belongs to the clean one.
    for column, values in (
        ("model", table["model"]),
        ("dataset", table["dataset"].str.removesuffix("_c")),
    ):
        if values.nunique() > 1:
            several = ", ".join(values.unique())
            raise ValueError(f"table has several in column {column}, {several}; take one of them.")
    of_units = of_known_layers(table, units)
    table = standard_networks(table)
    if unit_values is not None:
        unit_values = standard_networks(of_known_layers(unit_values, units))
    measured = Measured(standard_networks(of_units), units, unit_values, of_units)
    figures = {name: entry.draw(measured) for name, entry in FIGURES.items()}
    for metric in other_metrics(table):
        description = (metrics or {}).get(metric, "")
        name = _file_name(metric)
        figures[f"{name}_by_alpha"] = metric_by_alpha(table, metric, description)
        figures[f"{name}_by_layer"] = metric_by_layer(table, units, metric, description)
    return {name: figure for name, figure in figures.items() if figure is not None}


def _file_name(metric: str) -> str:
    """A user-defined metric as part of a file name that no figure of FIGURES has."""
    name = re.sub(r"\W", "_", metric)
    is_ours = any(f"{name}_by_{axis}" in FIGURES for axis in ("alpha", "layer"))
    return f"own_{name}" if is_ours else name


def title_of(name: str) -> str:
    """What a figure shows, in one sentence; `name` is of `draw_all`, or "images"."""
    if name in FIGURES:
        return FIGURES[name].title
    if name == "images":
        return SHEET_TITLE
    words = name.replace("_", " ").replace(" by alpha", " at each alpha")
    return f"{words[:1].upper()}{words[1:].replace(' by layer', ' in each layer')}."


def save(figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Writes each figure as a PNG and a PDF file of its name, atomically.

    The same figures give the same bytes.

    Returns:
      The PNG files; each has its PDF beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        with matplotlib.rc_context(STYLE):
            _write(folder / f"{name}.pdf", figure, _PDF)
            # Reuse the layout, so that both files look alike.
            layout = figure.get_layout_engine()
            figure.set_layout_engine("none")
            _write(folder / f"{name}.png", figure, _PNG)
            figure.set_layout_engine(layout)
    return [folder / f"{name}.png" for name in figures]


def _write(path: Path, figure: Figure, options: Mapping[str, Any]) -> None:
    # In memory first: matplotlib's PDF writer prints a traceback if the disk is full.
    content = io.BytesIO()
    figure.savefig(content, **options)
    with whole_file(path, "wb") as file:
        file.write(content.getbuffer())
