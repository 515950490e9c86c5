"""A results table on the console, in a few lines."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd


def print_summary(results: "pd.DataFrame") -> None:
    """Prints means over the networks of each alpha."""
    # Late, because pandas takes a second, and a wrong flag should not.
    from selectax.study.results import summarize

    summary = summarize(results)
    table = Table(title="Means over networks; accuracies also over severities and epsilons")
    for name in summary.columns:
        table.add_column(name, justify="right")
    for row in summary.itertuples(index=False):
        alpha, *rest = row
        cells = [str(cell) if isinstance(cell, int) else f"{cell:.3f}" for cell in rest]
        table.add_row(f"{alpha:g}", *cells)
    Console().print(table)
