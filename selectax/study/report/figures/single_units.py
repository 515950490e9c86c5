"""Variation of input-unit gradients, and accuracy with some units switched off."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.panels import alpha_panels, line_panels
from selectax.study.report.figures.rows import of_layers, of_network
from selectax.study.report.figures.style import STYLE
from selectax.study.report.figures.ticks import fractions_on, layer_ticks, panel_width

_VARIATIONS = {
    "over samples, mean of units": "input_gradient_cv",
    "over units": "input_gradient_cv_over_units",
}
_VARIATION_LABEL = "coefficient of variation\nof input-unit gradients' norms"
_ORDERS = ("most_selective_first", "random", "least_selective_first")


@matplotlib.rc_context(STYLE)
def input_gradients_by_alpha(table: pd.DataFrame) -> Figure | None:
    """Variation of input-unit gradients, mean over the layers; None without such rows."""
    rows_by_title = {title: of_network(table, metric) for title, metric in _VARIATIONS.items()}
    rows_by_title = {title: rows for title, rows in rows_by_title.items() if len(rows)}
    if not rows_by_title:
        return None
    figure, _ = alpha_panels(table, rows_by_title)
    figure.supylabel(_VARIATION_LABEL)
    return figure


@matplotlib.rc_context(STYLE)
def input_gradients_by_layer(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Variation of input-unit gradients in each layer; None without such rows.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    rows_by_title = {
        title: of_layers(table, metric, units) for title, metric in _VARIATIONS.items()
    }
    rows_by_title = {title: rows for title, rows in rows_by_title.items() if len(rows)}
    if not rows_by_title:
        return None
    size = (panel_width(units), 2.4)
    figure, all_axes = line_panels(table, rows_by_title, "depth", columns=2, size=size)
    for axes in all_axes:
        layer_ticks(axes, units)
    all_axes[0].set_ylim(bottom=0)
    figure.supylabel(_VARIATION_LABEL)
    return figure


@matplotlib.rc_context(STYLE)
def accuracy_by_ablation(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Accuracy as units of the whole network are switched off, one panel an order.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      The figure; None without such rows.
    """
    rows = of_network(table, "accuracy")
    rows_by_title = _by_order(rows.assign(share=rows["steps"].astype(float) / sum(units.values())))
    if not rows_by_title:
        return None
    figure, all_axes = line_panels(table, rows_by_title, "share", columns=3, size=(2.6, 2.4))
    fractions_on(all_axes[0].yaxis, rows["value"].max())
    fractions_on(all_axes[0].xaxis)
    figure.supxlabel("share of the network's units switched off")
    figure.supylabel("accuracy")
    return figure


@matplotlib.rc_context(STYLE)
def accuracy_by_ablated_layer(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Mean accuracy as units of one layer are switched off, one panel an order.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      The figure; None without such rows.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    rows = of_layers(table, "accuracy", units)
    rows = rows.assign(share=rows["steps"].astype(float) / rows["units"])
    rows_by_title = _by_order(rows)
    if not rows_by_title:
        return None
    rows_by_title = {title: _over_share(panel_rows) for title, panel_rows in rows_by_title.items()}
    size = (panel_width(units), 2.4)
    figure, all_axes = line_panels(table, rows_by_title, "depth", columns=3, size=size)
    for axes in all_axes:
        layer_ticks(axes, units)
    fractions_on(all_axes[0].yaxis, rows["value"].max())
    figure.supylabel("accuracy, mean over the share\nof a layer's units switched off")
    return figure


def _by_order(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of each order in which units were switched off, by its title."""
    of_orders = {
        order.replace("_", " "): rows[rows["perturbation"] == f"ablation:{order}"]
        for order in _ORDERS
    }
    return {title: of_order for title, of_order in of_orders.items() if len(of_order)}


def _over_share(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy over the share of units that are off, by the trapezoidal rule."""
    curves = rows.sort_values("share").groupby(
        ["dataset", "model", "alpha", "seed", "depth"], as_index=False
    )
    return curves[["share", "value"]].apply(
        lambda curve: pd.Series({"value": np.trapezoid(curve["value"], curve["share"])})
    )
