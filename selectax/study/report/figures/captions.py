"""Captions above the panels: which networks and data a figure shows."""

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.style import STYLE, number_text

# Width in inches of a column of the legend beside the panels, and height of a line in it.
_LEGEND_WIDTH = 1.2
_LEGEND_LINE = 1.5 * STYLE["legend.fontsize"] / 72


def legend_columns(figure: Figure, lines: int) -> int:
    """Number of columns in which a legend of some lines of text is no higher than the figure."""
    return -(-lines // max(1, int(figure.get_figheight() / _LEGEND_LINE)))


def widen_for_legend(figure: Figure, columns: int) -> None:
    """Makes a figure, which has room for one column of a legend, wide enough for several."""
    figure.set_figwidth(figure.get_figwidth() + _LEGEND_WIDTH * (columns - 1))


def caption(figure: Figure, rows: pd.DataFrame, *sentences: str) -> None:
    """Writes the model, the data sets and some sentences above the panels, beside any legend."""
    whose = f"{rows['model'].iloc[0]} on {' and '.join(sorted(rows['dataset'].unique()))}"
    columns = [legend_columns(figure, len(legend.get_texts())) for legend in figure.legends]
    inches = figure.get_figwidth() - _LEGEND_WIDTH * sum(columns)
    write_caption(figure, "; ".join(filter(None, [whose, *sentences])), inches)


def write_caption(figure: Figure, text: str, inches: float) -> None:
    """Writes a caption at the upper left of a figure, at most `inches` wide."""
    # A character is about half as wide as it is high.
    lines = textwrap.wrap(text, int(inches * 72 / (0.55 * STYLE["figure.titlesize"])))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", color="#555555")


def diverged_text(table: pd.DataFrame) -> str:
    """Which networks diverged, for a caption; empty if none did."""
    diverged = table[table["metric"] == "diverged"]
    if diverged.empty:
        return ""
    given = {"training_strength": 0.0, "training": "standard"}
    rows = diverged.assign(**{name: one for name, one in given.items() if name not in diverged})
    numbers = rows.groupby(["alpha", *given])["seed"].nunique()
    words = [f"{number} of {_which(*one)}" for one, number in numbers.items()]
    return f"diverged, not shown: {', '.join(words)}"


def _which(alpha, strength, training):
    method = f" and {training} {number_text(strength)}" if strength else ""
    return f"α = {number_text(alpha)}{method}"
