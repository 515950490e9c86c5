"""Class selectivity of networks, its distribution over a layer's units, and dead units."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from selectax.study.report.figures.captions import caption, diverged_text
from selectax.study.report.figures.means import over_seeds, over_seeds_text
from selectax.study.report.figures.panels import alpha_panels, line_panels, panels
from selectax.study.report.figures.rows import of_layers, of_network, with_depth
from selectax.study.report.figures.style import STYLE, line_styles, number_text
from selectax.study.report.figures.ticks import fractions_on, layer_ticks, panel_width

_DECILES = 11
_WIDTH = 0.8


@matplotlib.rc_context(STYLE)
def selectivity_by_alpha(table: pd.DataFrame) -> Figure | None:
    """Mean class selectivity index of the networks on clean images; None without such rows."""
    rows = of_network(table, "class_selectivity")
    rows = rows[rows["perturbation"] == ""]
    if rows.empty:
        return None
    figure, (axes,) = alpha_panels(table, {"": rows})
    axes.set_ylim(bottom=0)
    figure.supylabel("class selectivity index,\nmean of the network")
    return figure


@matplotlib.rc_context(STYLE)
def selectivity_by_layer(
    table: pd.DataFrame, units: Mapping[str, int], unit_values: pd.DataFrame | None = None
) -> Figure | None:
    """Distribution of the class selectivity index over the units of each layer.

    Violins if the values of the units of all networks are given. Otherwise box plots of the deciles
    in the table, which is all that runs of earlier versions have.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.
      unit_values: one row a unit of each network, with columns `alpha`, `seed`, `metric`, `layer`
        and `value`, as in a run's `units.parquet`. Rows of `class_selectivity` are used.

    Returns:
      A figure with one panel an alpha; None without such rows.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    is_clean = table["perturbation"] == ""
    described = table[is_clean & table["metric"].str.startswith("class_selectivity")]
    if unit_values is not None and _covers(unit_values, described):
        rows = with_depth(_of_networks(unit_values, described), units)
        networks = rows.groupby(["alpha", "depth", "seed"])["value"].median().reset_index()
        medians = over_seeds(networks, ["alpha", "depth"])
        draw = _draw_violins
        shapes = "violins: units of all seeds"
    else:
        rows = pd.concat(
            of_layers(table, f"class_selectivity_decile_{decile}", units).assign(decile=decile)
            for decile in range(_DECILES)
        )
        medians = over_seeds(rows[rows["decile"] == _DECILES // 2], ["alpha", "depth"])
        draw = _draw_boxes
        shapes = "boxes: 20 to 80 % of the units; whiskers: all units"
    if rows.empty or described.empty:
        return None
    styles = line_styles(table["alpha"].dropna())
    alphas = sorted(set(rows["alpha"]))
    titles = [f"α = {number_text(alpha)}" for alpha in alphas]
    width = panel_width(units)
    figure, all_axes = panels(titles, columns=max(1, int(11 / width)), size=(width, 1.9))
    for axes, alpha in zip(all_axes, alphas, strict=True):
        color = styles[alpha]["color"]
        draw(axes, rows[rows["alpha"] == alpha], color)
        _draw_medians(axes, medians[medians["alpha"] == alpha], color)
        layer_ticks(axes, units)
        # The names are too long to fit between panels.
        axes.tick_params(labelbottom=axes.get_subplotspec().is_last_row())
    all_axes[0].set_ylim(bottom=0)
    figure.supylabel("class selectivity index\nof a layer's units")
    caption(
        figure, described, shapes, "dots: medians", over_seeds_text(medians), diverged_text(table)
    )
    return figure


@matplotlib.rc_context(STYLE)
def dead_units_by_layer(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Share of dead units in each layer, whose response is 0 to every test image.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      The figure; None without such rows, as in runs of earlier versions.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    rows = of_layers(table, "dead_units", units)
    if rows.empty:
        return None
    size = (panel_width(units), 2.4)
    figure, (axes,) = line_panels(table, {"": rows}, "depth", columns=1, size=size)
    layer_ticks(axes, units)
    fractions_on(axes.yaxis, rows["value"].max())
    figure.supylabel("share of a layer's units\nthat are dead")
    return figure


def _of_networks(unit_values: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Selectivity of the units of the networks that have rows in another table."""
    wanted = networks[["alpha", "seed"]].drop_duplicates()
    rows = unit_values[unit_values["metric"] == "class_selectivity"].merge(wanted)
    return rows.astype({"value": "float64"}).dropna(subset=["value"])


def _covers(unit_values: pd.DataFrame, networks: pd.DataFrame) -> bool:
    """Whether the units of all networks of a table are known."""
    of_networks = networks.dropna(subset=["alpha"])[["alpha", "seed"]].drop_duplicates()
    known = _of_networks(unit_values, networks)[["alpha", "seed"]].drop_duplicates()
    return 0 < len(of_networks) == len(known)


def _draw_violins(axes: Axes, rows: pd.DataFrame, color: str) -> None:
    """One violin a layer, from the least to the largest value."""
    layers = {depth: of_layer["value"].to_numpy() for depth, of_layer in rows.groupby("depth")}
    bodies: Any = axes.violinplot(
        list(layers.values()), list(layers), widths=_WIDTH, showextrema=False
    )["bodies"]
    for body in bodies:
        body.set(facecolor=color, edgecolor=color, alpha=0.45, linewidth=0.6)


def _draw_boxes(axes: Axes, rows: pd.DataFrame, color: str) -> None:
    """One box plot a layer, of the means over seeds of its deciles."""
    deciles = rows.groupby(["depth", "decile"])["value"].mean().unstack()
    ends = {"whislo": 0, "q1": 2, "med": 5, "q3": 8, "whishi": 10}
    axes.bxp(
        [{end: row[at] for end, at in ends.items()} for _, row in deciles.iterrows()],
        positions=list(deciles.index),
        widths=_WIDTH / 2,
        patch_artist=True,
        showfliers=False,
        showcaps=False,
        manage_ticks=False,
        boxprops={"facecolor": color, "edgecolor": color, "alpha": 0.45, "linewidth": 0.6},
        whiskerprops={"color": color, "linewidth": 0.6},
        medianprops={"color": color, "linewidth": 0.6},
    )


def _draw_medians(axes: Axes, medians: pd.DataFrame, color: str) -> None:
    """The median of each layer with its interval."""
    axes.vlines(medians["depth"], medians["low"], medians["high"], color=color, linewidth=1.6)
    axes.plot(medians["depth"], medians["mean"], color=color, marker="o", markersize=3, linewidth=0)
