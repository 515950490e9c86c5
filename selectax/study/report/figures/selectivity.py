"""Class selectivity: of networks, and its distribution over the units of each layer."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from selectax.study.report.figures.layers import layer_ticks, panel_width
from selectax.study.report.figures.plotting import (
    STYLE,
    alpha_panels,
    caption,
    diverged_text,
    line_styles,
    number_text,
    over_seeds,
    over_seeds_text,
    panels,
)
from selectax.study.report.figures.tables import of_layers, of_network

_DECILES = 11


@matplotlib.rc_context(STYLE)
def selectivity_by_alpha(table: pd.DataFrame) -> Figure | None:
    """The network's mean class selectivity index; None without such rows."""
    rows = of_network(table, "class_selectivity")
    if rows.empty:
        return None
    figure, (axes,) = alpha_panels(table, {"": rows})
    axes.set_ylim(bottom=0)
    figure.supylabel("class selectivity index,\nmean of the network")
    return figure


@matplotlib.rc_context(STYLE)
def selectivity_by_layer(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """The distribution of the class selectivity index over each layer's units, as violins.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      A panel an alpha; the violins are of the means over seeds of the layers' quantiles. None
      without such rows.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    deciles = [
        of_layers(table, f"class_selectivity_decile_{decile}", units).assign(decile=decile)
        for decile in range(_DECILES)
    ]
    rows = pd.concat(deciles)
    if rows.empty:
        return None
    summary = over_seeds(rows, ["alpha", "depth", "decile"])
    styles = line_styles(table["alpha"].dropna())
    alphas = sorted(set(summary["alpha"]))
    titles = [f"α = {number_text(alpha)}" for alpha in alphas]
    width = panel_width(units)
    figure, all_axes = panels(titles, columns=max(1, int(11 / width)), size=(width, 1.9))
    for axes, (alpha, of_alpha) in zip(all_axes, summary.groupby("alpha"), strict=True):
        _draw_violins(axes, of_alpha, styles[alpha]["color"])
        layer_ticks(axes, units)
        # Names are too long to stand between the panels.
        axes.tick_params(labelbottom=axes.get_subplotspec().is_last_row())
    all_axes[0].set_ylim(bottom=0)
    figure.supylabel("class selectivity index\nof a layer's units")
    sentences = ("violins: distribution over units", "dots: medians")
    caption(figure, rows, *sentences, over_seeds_text(summary), diverged_text(table))
    return figure


def density(
    places: Float[np.ndarray, "places"], quantiles: Float[np.ndarray, "quantiles"]
) -> Float[np.ndarray, "places"]:
    """Smooth density of a distribution that is known by its quantiles.

    Args:
      places: where it is wanted.
      quantiles: at equal steps from the least value to the largest, ascending.

    Returns:
      Density estimated with Gaussian kernels as wide as a mean step between quantiles.
    """
    # Between two quantiles the values lie evenly.
    shares = (np.arange(200) + 0.5) / 200
    values = np.interp(shares, np.linspace(0, 1, len(quantiles)), quantiles)
    width = max(np.ptp(quantiles) / (len(quantiles) - 1), 1e-6)
    kernels = np.exp(-(((places[:, None] - values) / width) ** 2) / 2)
    return kernels.mean(axis=1) / (width * np.sqrt(2 * np.pi))


def _draw_violins(axes: Axes, summary: pd.DataFrame, color: str) -> None:
    """A violin a layer, from least to largest value, and the median with its interval."""
    for depth, of_layer in summary.groupby("depth"):
        of_layer = of_layer.sort_values("decile")
        quantiles = of_layer["mean"].to_numpy()
        places = np.linspace(quantiles[0], quantiles[-1], 80)
        widths = density(places, quantiles)
        widths *= 0.45 / widths.max()
        axes.fill_betweenx(
            places, depth - widths, depth + widths, color=color, alpha=0.45, linewidth=0.6
        )
        median = of_layer.iloc[_DECILES // 2]
        axes.vlines(depth, median["low"], median["high"], color=color, linewidth=1.6)
    medians = summary[summary["decile"] == _DECILES // 2]
    axes.plot(medians["depth"], medians["mean"], color=color, marker="o", markersize=3, linewidth=0)
