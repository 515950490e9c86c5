"""Default figures of metrics that no other figure shows, such as those of a user's own measure."""

from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.panels import alpha_panels, line_panels
from selectax.study.report.figures.rows import of_layers, of_network, with_other_layers
from selectax.study.report.figures.style import STYLE
from selectax.study.report.figures.ticks import layer_ticks, panel_width


@matplotlib.rc_context(STYLE)
def metric_by_alpha(table: pd.DataFrame, metric: str, description: str = "") -> Figure | None:
    """A metric of whole networks along alpha; None without such rows.

    Args:
      table: results of one model on one data set.
      metric: name of the metric.
      description: what it is, with its unit and range.

    Returns:
      A figure with one panel a perturbation, each the mean over severities, epsilons and steps.
    """
    rows_by_title = _by_perturbation(of_network(table, metric))
    if not rows_by_title:
        return None
    figure, _ = alpha_panels(table, rows_by_title)
    figure.supylabel(_label(metric, description))
    return figure


@matplotlib.rc_context(STYLE)
def metric_by_layer(
    table: pd.DataFrame, units: Mapping[str, int], metric: str, description: str = ""
) -> Figure | None:
    """A metric of layers along their depth; None without such rows.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.
      metric: name of the metric.
      description: what it is, with its unit and range.

    Returns:
      A figure with one panel a perturbation, each the mean over severities, epsilons and steps.
      Layers that `units` lacks, such as the logits, are after the others.
    """
    units = with_other_layers(table, metric, units)
    rows_by_title = _by_perturbation(of_layers(table, metric, units))
    if not rows_by_title:
        return None
    size = (panel_width(units), 2.4)
    figure, all_axes = line_panels(table, rows_by_title, "depth", columns=2, size=size)
    for axes in all_axes:
        layer_ticks(axes, units)
    figure.supylabel(_label(metric, description))
    return figure


def _by_perturbation(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    found = {
        (name or "clean").replace("_", " "): group for name, group in rows.groupby("perturbation")
    }
    return {"": rows} if list(found) == ["clean"] else found


def _label(metric: str, description: str) -> str:
    """The name, and the description up to its first semicolon on a second line."""
    name, (words, *_) = metric.replace("_", " "), description.split(";")
    return f"{name}\n({words.strip()})" if words.strip() else name
