"""Prints the results of a run: means over networks, and the verdicts on the findings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from selectax.study.report.findings import Finding


def print_summary(results: "pd.DataFrame") -> None:
    """Prints a table of means over the networks of each alpha and strength of training."""
    # Imported here, because pandas takes a second and a wrong flag should be refused at once.
    from selectax.study.run.results import summarize

    summary = summarize(results)
    heads = {name: name.replace("_", " ") for name in summary.columns}
    if "training" in summary and summary["training"].nunique() == 1:
        heads["training_strength"] = summary["training"].iloc[0]
        summary = summary.drop(columns="training")
    columns = {heads[name]: [_cell(name, value) for value in summary[name]] for name in summary}
    widths = {head: max(map(len, [*head.split(), *cells])) for head, cells in columns.items()}
    needed = sum(widths.values()) + 3 * len(widths) + 1
    console = Console()
    # A file or a pipe has no width: Rich takes 80 characters, even where that cuts words.
    widen = not console.is_terminal and needed > console.width
    if widen:
        console.width = needed
    table = Table(title="Means over networks; accuracies also over severities and epsilons")
    for head, width in widths.items():
        table.add_column(head, justify="right", overflow="fold", width=width if widen else None)
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    console.print(table)


def _cell(name: str, value: "float | int | str") -> str:
    if name in ("alpha", "training_strength"):
        return f"{value:g}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def print_findings(findings: "Sequence[Finding]") -> None:
    """Prints one line a tested finding: its grade, and the reason if it is unknown."""
    console = Console()
    console.print("The papers' findings, here:")
    numbered = list(enumerate(findings, start=1))
    tested = [(number, one) for number, one in numbered if one.verdict != "not tested"]
    width = max((len(finding.grade) for _, finding in tested), default=0)
    for number, finding in tested:
        reason = f" ({finding.reason})" if finding.reason else ""
        line = f"  {finding.grade:<{width}}  {number}. {finding.claim}{reason}"
        console.out(line, highlight=False)
    untested = [str(number) for number, one in numbered if one.verdict == "not tested"]
    if untested:
        console.out(f"  not tested: {', '.join(untested)}; the report says why", highlight=False)
