"""What the figures share: style, the look of each alpha, means over seeds, panels, captions.

Colour and line style tell the sign of alpha, colour and marker its magnitude, so that figures can
be read without colours.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

# Defaults first, so that no matplotlibrc has a say; the backend is not used for drawing.
_DEFAULTS = {
    name: value for name, value in matplotlib.rcParamsDefault.items() if "backend" not in name
}
STYLE: Any = {  # matplotlib's type would name every key there is
    **_DEFAULTS,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.labelsize": 9,
    "figure.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    # Text that other programs can edit and search, and that journals ask for.
    "pdf.fonttype": 42,
}
_CENTRE = "#262626"
_FAINT = "#9a9a9a"
_NEGATIVE = LinearSegmentedColormap.from_list("negative", [_CENTRE, "#0b5fa5", "#45b0f5"])
_POSITIVE = LinearSegmentedColormap.from_list("positive", [_CENTRE, "#b83a00", "#f7931e"])
_MARKERS = "s^DvPX<>*phd"


def line_styles(alphas: Iterable[float]) -> dict[float, dict[str, Any]]:
    """What tells the lines of several alphas apart, as arguments of `Axes.plot`.

    Args:
      alphas: all strengths in a table; colours and markers depend on the ranks of magnitudes.

    Returns:
      Arguments by alpha, in ascending order.
    """
    alphas = sorted(set(alphas))
    magnitudes = sorted({abs(alpha) for alpha in alphas} - {0.0})
    styles = {}
    for alpha in alphas:
        if alpha == 0:
            look = {"color": _CENTRE, "linestyle": "-", "marker": "o", "linewidth": 2, "zorder": 3}
        else:
            rank = magnitudes.index(abs(alpha))
            # From a third on, for weak negative and positive alphas to be told apart by colour too.
            strength = 1 / 3 + 2 / 3 * (rank + 1) / len(magnitudes)
            look = {
                "color": to_hex((_NEGATIVE if alpha < 0 else _POSITIVE)(strength)),
                "linestyle": (0, (4, 1.5)) if alpha < 0 else (0, (5, 1.2, 1, 1.2)),
                "marker": _MARKERS[rank % len(_MARKERS)],
            }
        styles[alpha] = look | {"label": f"α = {number_text(alpha)}"}
    return styles


def over_seeds(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Means over networks, each network's values averaged first, with intervals.

    Args:
      rows: of a results table; those without a value are left out.
      by: columns that tell apart what is not to be averaged.

    Returns:
      Columns `by`, `mean`, `low` and `high` (of a 95 % t-interval for three and more seeds, of the
      range for two, NaN for one) and `seeds`, their number.
    """
    networks = rows.dropna(subset="value").groupby([*by, "seed"])["value"].mean()
    groups = networks.groupby(list(by)).agg(["mean", "std", "min", "max", "count"])
    count = groups["count"].to_numpy()
    quantile = stats.t.ppf(0.975, np.maximum(count - 1, 1))
    half = quantile * groups["std"] / np.sqrt(count)
    cases = [count >= 3, count == 2]
    return groups[["mean"]].assign(
        low=np.select(cases, [groups["mean"] - half, groups["min"]], np.nan),
        high=np.select(cases, [groups["mean"] + half, groups["max"]], np.nan),
        seeds=count,
    ).reset_index()  # fmt: skip


def over_seeds_text(summary: pd.DataFrame) -> str:
    """What means and intervals of `over_seeds` are, for a caption."""
    seeds = sorted(set(summary["seeds"]))
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    if seeds[-1] == 1:
        return "1 seed"
    interval = "range" if seeds[-1] == 2 else "95 % t-interval"
    if seeds[-1] >= 3 and 2 in seeds:
        interval += " (range for two)"
    return f"means over {count} seeds with {interval}"


def diverged_text(table: pd.DataFrame) -> str:
    """Which networks no figure can show, for a caption; empty if all are well."""
    diverged = table[table["metric"] == "diverged"].groupby("alpha")["seed"].nunique()
    if diverged.empty:
        return ""
    numbers = [f"{number} of α = {number_text(alpha)}" for alpha, number in diverged.items()]
    return f"diverged, not shown: {', '.join(numbers)}"


def panels(
    titles: Sequence[str], *, columns: int, size: tuple[float, float], share_values: bool = True
):
    """A figure of panels that share their axes.

    Args:
      titles: of the panels, row by row.
      columns: at the most.
      size: width and height of a panel, in inches.
      share_values: False for vertical axes of their own.

    Returns:
      The figure and its axes, as many as titles.
    """
    rows = -(-len(titles) // columns)
    # As few as keep the number of rows, for few empty places.
    columns = -(-len(titles) // rows)
    figure = Figure(figsize=(columns * size[0] + 1.2, rows * size[1] + 0.9))
    grid = figure.subplots(rows, columns, sharex=True, sharey=share_values, squeeze=False)
    all_axes = list(grid.ravel())
    for axes in all_axes[len(titles) :]:
        axes.remove()
    all_axes = all_axes[: len(titles)]
    for at, (axes, title) in enumerate(zip(all_axes, titles, strict=True)):
        axes.set_title(title)
        # A panel with none below it shows the shared ticks itself.
        axes.tick_params(labelbottom=at + columns >= len(titles))
    return figure, all_axes


def draw_lines(
    axes: Axes, summary: pd.DataFrame, along: str, styles: Mapping[float, dict[str, Any]]
) -> None:
    """Draws a line an alpha with a band for its interval.

    Args:
      axes: to draw on.
      summary: of `over_seeds`, by alpha and `along`.
      along: column of the horizontal axis.
      styles: of `line_styles`.
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
    of_panels: Mapping[str, pd.DataFrame],
    along: str,
    *,
    columns: int,
    size: tuple[float, float],
) -> tuple[Figure, list[Axes]]:
    """A figure of panels with a line an alpha, its legend and its caption.

    Args:
      table: the whole table, for an alpha to look alike in all figures.
      of_panels: rows of each panel by its title.
      along: column of the horizontal axes.
      columns: at the most.
      size: width and height of a panel, in inches.

    Returns:
      The figure and its axes, as many as panels.
    """
    styles = line_styles(table["alpha"].dropna())
    figure, all_axes = panels(list(of_panels), columns=columns, size=size)
    summaries = [over_seeds(rows, ["alpha", along]) for rows in of_panels.values()]
    for axes, summary in zip(all_axes, summaries, strict=True):
        draw_lines(axes, summary, along, styles)
    summary = pd.concat(summaries)
    drawn = set(summary["alpha"])
    legend(figure, {alpha: style for alpha, style in styles.items() if alpha in drawn})
    rows = pd.concat(of_panels.values())
    caption(figure, rows, over_seeds_text(summary), diverged_text(table))
    return figure, all_axes


def alpha_panels(
    table: pd.DataFrame, of_panels: Mapping[str, pd.DataFrame], *, columns: int = 2
) -> tuple[Figure, list[Axes]]:
    """A figure of panels along alpha, each with a dot a network, means and intervals.

    Args:
      table: the whole table, for an alpha to look alike in all figures.
      of_panels: rows of each panel by its title; each network's values are averaged.
      columns: at the most.

    Returns:
      The figure and its axes, as many as panels, each with values of its own.
    """
    styles = line_styles(table["alpha"].dropna())
    figure, all_axes = panels(list(of_panels), columns=columns, size=(3.6, 2.5), share_values=False)
    summaries = [over_seeds(rows, ["alpha"]) for rows in of_panels.values()]
    for axes, rows, summary in zip(all_axes, of_panels.values(), summaries, strict=True):
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
    rows = pd.concat(of_panels.values())
    caption(figure, rows, over_seeds_text(summary), "dots: networks", diverged_text(table))
    return figure, all_axes


def network_panels(
    table: pd.DataFrame, of_panels: Mapping[str, pd.DataFrame], along: str, *, columns: int
) -> tuple[Figure, list[Axes]]:
    """A figure of panels with a mark for each network, which tells its alpha.

    Args:
      table: the whole table, for an alpha to look alike in all figures.
      of_panels: networks of each panel by its title, with columns `alpha`, `along` and `value`.
      along: column of the horizontal axes.
      columns: at the most.

    Returns:
      The figure and its axes, as many as panels, each with values of its own.
    """
    styles = {
        alpha: style | {"linestyle": "none", "markersize": 5}
        for alpha, style in line_styles(table["alpha"].dropna()).items()
    }
    figure, all_axes = panels(list(of_panels), columns=columns, size=(3.6, 2.2), share_values=False)
    for axes, networks in zip(all_axes, of_panels.values(), strict=True):
        for alpha, of_alpha in networks.groupby("alpha"):
            axes.plot(of_alpha[along], of_alpha["value"], **styles[alpha])
    networks = pd.concat(of_panels.values())[["alpha", "seed"]].drop_duplicates()
    drawn = set(networks["alpha"])
    legend(figure, {alpha: style for alpha, style in styles.items() if alpha in drawn})
    number = f"{len(networks)} network{'s' if len(networks) > 1 else ''}, a mark each"
    caption(figure, table, number, diverged_text(table))
    return figure, all_axes


def fractions_on(axis: Axis, largest: float = 1) -> None:
    """Ticks for values from 0 to 1, or to 0.5, 0.2 or 0.1 where the largest lies below.

    Panels that share the axis share them, too.
    """
    end = min((end for end in (0.1, 0.2, 0.5) if end >= largest), default=1)
    axis.set_ticks(np.linspace(0, end, 6))
    limit = axis.axes.set_xlim if axis is axis.axes.xaxis else axis.axes.set_ylim
    limit(-0.02 * end, 1.02 * end)


def number_ticks(axes: Axes, values: Iterable[float]) -> None:
    """Ticks at the values themselves where their numbers find room, 0 and the outermost first."""
    values = sorted(set(values), key=lambda value: (value != 0, -abs(value)))
    places = axes.xaxis.get_transform().transform(np.array(values, float))
    room = 0.09 * (np.ptp(places) or 1)
    kept: list[Any] = []
    for at, place in enumerate(places):
        if all(abs(place - places[other]) >= room for other in kept):
            kept.append(at)
    axes.set_xticks(
        [values[at] for at in kept], [number_text(values[at]) for at in kept], minor=False
    )
    axes.minorticks_off()


def legend(figure: Figure, styles: Mapping[float, dict[str, Any]]) -> None:
    """Explains the look of each alpha on the right of a figure, the largest on top."""
    handles = [Line2D([], [], **style) for style in list(styles.values())[::-1]]
    figure.legend(handles=handles, handlelength=3.2, loc="outside right upper")


def caption(figure: Figure, rows: pd.DataFrame, *sentences: str) -> None:
    """Says above the panels what networks and data these are, beside the legend if there is one."""
    whose = f"{rows['model'].iloc[0]} on {' and '.join(sorted(rows['dataset'].unique()))}"
    inches = figure.get_figwidth() - 1.2 * bool(figure.legends)
    write_caption(figure, "; ".join(filter(None, [whose, *sentences])), inches)


def write_caption(figure: Figure, text: str, inches: float) -> None:
    """Writes a caption on the upper left of a figure, so many inches wide at the most."""
    # A character is about half as wide as high.
    lines = textwrap.wrap(text, int(inches * 72 / (0.55 * STYLE["figure.titlesize"])))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", color="#555555")


def number_text(value: float) -> str:
    """A number as short as it can be, with a true minus sign."""
    return f"{value:g}".replace("-", "−")
