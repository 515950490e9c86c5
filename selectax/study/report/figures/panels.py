"""Figures made of panels: lines of each alpha, values along alpha, or a mark a network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from selectax.study.report.figures.captions import (
    caption,
    diverged_text,
    legend_columns,
    widen_for_legend,
)
from selectax.study.report.figures.means import over_seeds, over_seeds_text
from selectax.study.report.figures.style import line_styles, number_text
from selectax.study.report.figures.ticks import number_ticks

_FAINT = "#9a9a9a"


def panels(
    titles: Sequence[str],
    *,
    columns: int,
    size: tuple[float, float],
    share_values: bool = True,
    share_places: bool = True,
):
    """Makes a figure of empty panels that share their axes.

    Args:
      titles: titles of the panels, row by row.
      columns: largest number of columns.
      size: width and height of a panel, in inches.
      share_values: whether the panels share their vertical axis.
      share_places: whether the panels share their horizontal axis.

    Returns:
      The figure and one axes a title.
    """
    rows = -(-len(titles) // columns)
    # The fewest columns with the same number of rows leave the fewest empty places.
    columns = -(-len(titles) // rows)
    figure = Figure(figsize=(columns * size[0] + 1.2, rows * size[1] + 0.9))
    grid = figure.subplots(rows, columns, sharex=share_places, sharey=share_values, squeeze=False)
    all_axes = list(grid.ravel())
    for axes in all_axes[len(titles) :]:
        axes.remove()
    all_axes = all_axes[: len(titles)]
    for at, (axes, title) in enumerate(zip(all_axes, titles, strict=True)):
        axes.set_title(title)
        # A panel without another below it shows the labels of the shared ticks.
        axes.tick_params(labelbottom=not share_places or at + columns >= len(titles))
    return figure, all_axes


def draw_lines(
    axes: Axes, summary: pd.DataFrame, along: str, styles: Mapping[float, dict[str, Any]]
) -> None:
    """Draws one line an alpha, with its interval as a band.

    Args:
      axes: to draw on.
      summary: means from `over_seeds`, by alpha and `along`.
      along: column of the horizontal axis.
      styles: looks from `line_styles`.
    """
    for alpha, of_alpha in summary.groupby("alpha"):
        axes.plot(of_alpha[along], of_alpha["mean"], **styles[alpha])
        axes.fill_between(
            of_alpha[along].astype(float),
            of_alpha["low"],
            of_alpha["high"],
            color=styles[alpha]["color"],
            alpha=0.12,
            linewidth=0,
        )


def line_panels(
    table: pd.DataFrame,
    rows_by_title: Mapping[str, pd.DataFrame],
    along: str,
    *,
    columns: int,
    size: tuple[float, float],
) -> tuple[Figure, list[Axes]]:
    """Makes a figure of panels with one line an alpha, a legend and a caption.

    Args:
      table: the whole table, so that an alpha looks the same in all figures.
      rows_by_title: rows of each panel by its title.
      along: column of the horizontal axes.
      columns: largest number of columns.
      size: width and height of a panel, in inches.

    Returns:
      The figure and one axes a panel.
    """
    styles = line_styles(table["alpha"].dropna())
    figure, all_axes = panels(list(rows_by_title), columns=columns, size=size)
    summaries = [over_seeds(rows, ["alpha", along]) for rows in rows_by_title.values()]
    for axes, summary in zip(all_axes, summaries, strict=True):
        draw_lines(axes, summary, along, styles)
    summary = pd.concat(summaries)
    drawn = set(summary["alpha"])
    legend(figure, {alpha: style for alpha, style in styles.items() if alpha in drawn})
    rows = pd.concat(rows_by_title.values())
    caption(figure, rows, over_seeds_text(summary), diverged_text(table))
    return figure, all_axes


def alpha_panels(
    table: pd.DataFrame, rows_by_title: Mapping[str, pd.DataFrame], *, columns: int = 2
) -> tuple[Figure, list[Axes]]:
    """Makes a figure of panels along alpha, with means, intervals and one dot a network.

    Args:
      table: the whole table, so that an alpha looks the same in all figures.
      rows_by_title: rows of each panel by its title; each network's values are averaged.
      columns: largest number of columns.

    Returns:
      The figure and one axes a panel, each with its own vertical axis.
    """
    styles = line_styles(table["alpha"].dropna())
    figure, all_axes = panels(
        list(rows_by_title), columns=columns, size=(3.6, 2.5), share_values=False
    )
    summaries = [over_seeds(rows, ["alpha"]) for rows in rows_by_title.values()]
    for axes, rows, summary in zip(all_axes, rows_by_title.values(), summaries, strict=True):
        networks = rows.groupby(["alpha", "seed"])["value"].mean().reset_index()
        axes.plot(summary["alpha"], summary["mean"], color=_FAINT, linewidth=1, zorder=1)
        axes.scatter(networks["alpha"], networks["value"], s=6, color=_FAINT, zorder=2)
        for point in summary.itertuples():
            color, marker = styles[point.alpha]["color"], styles[point.alpha]["marker"]
            axes.vlines(point.alpha, point.low, point.high, color=color, linewidth=1.6)
            axes.plot(point.alpha, point.mean, color=color, marker=marker, markersize=6)
    summary = pd.concat(summaries)
    alphas = np.unique(summary["alpha"])
    magnitudes = np.abs(alphas[alphas != 0])
    label = "α (< 0: selectivity discouraged, > 0: promoted)"
    if len(magnitudes) and magnitudes.max() > 10 * magnitudes.min():
        all_axes[0].set_xscale("symlog", linthresh=magnitudes.min(), linscale=0.4)
        label = f"{label[:-1]}; logarithmic beyond ±{number_text(magnitudes.min())})"
    number_ticks(all_axes[0], alphas)
    figure.supxlabel(label)
    rows = pd.concat(rows_by_title.values())
    caption(figure, rows, over_seeds_text(summary), "dots: networks", diverged_text(table))
    return figure, all_axes


def network_panels(
    table: pd.DataFrame,
    rows_by_title: Mapping[str, pd.DataFrame],
    along: str,
    *,
    columns: int,
    others: Sequence[Mapping[str, Any]] = (),
) -> tuple[Figure, list[Axes]]:
    """Makes a figure of panels with one mark a network, whose look shows its alpha.

    Args:
      table: the whole table, so that an alpha looks the same in all figures.
      rows_by_title: networks of each panel by its title, with columns `alpha`, `along` and `value`.
      along: column of the horizontal axes.
      columns: largest number of columns.
      others: looks of further marks in the legend, as arguments of `Axes.plot`.

    Returns:
      The figure and one axes a panel, each with its own vertical axis.
    """
    styles = {
        alpha: style | {"linestyle": "none", "markersize": 5}
        for alpha, style in line_styles(table["alpha"].dropna()).items()
    }
    figure, all_axes = panels(
        list(rows_by_title), columns=columns, size=(3.6, 2.2), share_values=False
    )
    for axes, networks in zip(all_axes, rows_by_title.values(), strict=True):
        for alpha, of_alpha in networks.groupby("alpha"):
            axes.plot(of_alpha[along], of_alpha["value"], **styles[alpha])
    networks = pd.concat(rows_by_title.values())[["alpha", "seed"]].drop_duplicates()
    drawn = set(networks["alpha"])
    legend(figure, {alpha: style for alpha, style in styles.items() if alpha in drawn}, *others)
    number = f"{len(networks)} network{'s' if len(networks) > 1 else ''}, a mark each"
    caption(figure, table, number, diverged_text(table))
    return figure, all_axes


def legend(
    figure: Figure, styles: Mapping[float, dict[str, Any]], *others: Mapping[str, Any]
) -> None:
    """Adds a legend of the alphas on the right of a figure, the largest on top, and of others."""
    looks = [*list(styles.values())[::-1], *others]
    handles = [Line2D([], [], **look) for look in looks]
    lines = sum(1 + str(look["label"]).count("\n") for look in looks)
    columns = legend_columns(figure, lines)
    widen_for_legend(figure, columns)
    figure.legend(handles=handles, handlelength=3.2, loc="outside right upper", ncols=columns)
