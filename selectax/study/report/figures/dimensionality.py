"""Dimensionality of the responses of each layer."""

from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.panels import line_panels
from selectax.study.report.figures.rows import of_layers
from selectax.study.report.figures.style import STYLE
from selectax.study.report.figures.ticks import layer_ticks, panel_width
from selectax.study.run.strongest_pgd import is_strongest_pgd


@matplotlib.rc_context(STYLE)
def dimensionality_by_layer(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Number of components for 95 % of the variance, by layer.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      A figure with a panel of the clean responses and, for each kind of perturbation, panels of the
      perturbed responses and of their difference from the clean ones. PGD is the attack with the
      most steps. None without such rows.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    rows = of_layers(table, "dimensionality_95", units)
    if rows.empty:
        return None
    rows = rows.assign(value=rows["value"] / rows["units"])
    is_difference = rows["perturbation"].str.startswith("difference:")
    rows_by_title = {"clean": rows[rows["perturbation"] == ""]}
    kinds = {
        "corruptions, mean over severities": rows["severity"].notna(),
        "PGD, mean over ε": is_strongest_pgd(rows),
    }
    kinds = {kind: of_kind for kind, of_kind in kinds.items() if of_kind.any()}
    # One column a kind, so that corruptions and attacks are side by side below the clean panel.
    if len(kinds) == 2:
        rows_by_title[""] = rows[:0]
    for title, chosen in (("perturbed", ~is_difference), ("difference", is_difference)):
        rows_by_title |= {
            f"{title}: {kind}": rows[of_kind & chosen] for kind, of_kind in kinds.items()
        }
    figure, all_axes = line_panels(
        table,
        rows_by_title,
        "depth",
        columns=max(1, len(kinds)),
        size=(panel_width(units), 2.1),
    )
    for axes, title in zip(all_axes, rows_by_title, strict=True):
        layer_ticks(axes, units)
        if not title:
            axes.set_axis_off()
    all_axes[0].set_ylim(bottom=0)
    figure.supylabel("components for 95 % of the variance\nas a fraction of the layer's units")
    return figure
