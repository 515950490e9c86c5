"""Writes the tables in the studies' pages from the studies' results.

A page has the marked parts `means` and `verdicts` if it was written under the second edition of the
conditions, and `published` if a published figure shows networks on the same images; the pages of
the first edition are left as they are.
"""

import dataclasses
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.marked import with_marked
from experiments.studies.evidence import deciding, listed, of_second_edition
from experiments.study import STUDIES
from selectax.commands.command_line.parsing import parse
from selectax.study.report.findings import Finding, find
from selectax.study.report.published import PUBLISHED
from selectax.study.run import results
from selectax.study.run.folder import write_text
from selectax.study.run.recorded_runs import read_runs
from selectax.study.run.strongest_pgd import is_strongest_pgd


@dataclasses.dataclass(frozen=True)
class Options:
    """Writes the tables in the studies' pages from the studies' results."""

    only: tuple[str, ...] = ()
    """Names of studies; by default all of the second edition."""
    pages: Path = STUDIES
    """Folder with the README.md of each study, in a folder of the study's name."""


def filled(page: str, study: str) -> str:
    """A study's page with its tables made anew."""
    run = read_runs([STUDIES / study / "run"])
    page = with_marked(page, "means", means(run.table))
    found = find(run.table, run.units, np.random.default_rng(0))
    page = with_marked(page, "verdicts", verdicts(found))
    if figure := PUBLISHED.get(run.config["dataset"]):
        page = with_marked(page, "published", changes(run.table, figure.points()))
    return page


def means(table: pd.DataFrame) -> str:
    """A sentence, and a Markdown table with the means of each alpha or strength of training."""
    summary = results.summarize(table)
    key = "training_strength" if "training_strength" in summary else "alpha"
    corruptions = table[table["severity"].notna() & (table["metric"] == "accuracy")]
    epsilons = table["epsilon"][table["epsilon"] > 0] * 255
    steps = table["steps"][is_strongest_pgd(table)].max()
    measured = summary["networks"] - summary.get("diverged", 0)
    fewest, most = measured.min(), measured.max()
    ours = "" if corruptions["dataset"].str.endswith("_c").any() else ", ours"
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    heads = {
        key: "alpha" if key == "alpha" else "strength",
        "class selectivity": "class selectivity",
        "clean accuracy": "clean",
        "corruptions": f"{corruptions['perturbation'].nunique()} corruptions{ours}",
        "fgsm": "FGSM",
        "pgd": f"PGD-{steps:.0f}",
    }
    severities = listed([f"{severity:.0f}" for severity in sorted(set(corruptions["severity"]))])
    lines = [
        f"Means over {seeds} seeds; accuracies are means over severities {severities}, or over "
        f"epsilons of {epsilons.min():.2g} to {epsilons.max():.2g}/255:",
        "",
        f"| {' | '.join(heads.values())} |",
        "|---" * len(heads) + "|",
    ]
    for _, row in summary.iterrows():
        cells = [f"{row[key]:g}", *(f"{row[name]:.3f}" for name in list(heads)[1:])]
        lines.append(f"| {' | '.join(cells)} |".replace("-", "−"))
    return "\n".join(lines)


def verdicts(found: Sequence[Finding]) -> str:
    """A Markdown table with the verdict on each finding, and what decided it."""
    living = any(finding.left_out for finding in found)
    heads = ["finding", "verdict", "what decided", *(["without dead units"] if living else [])]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for number, finding in enumerate(found, start=1):
        what = finding.untested or deciding(finding)
        cells = [f"{number}. {finding.claim}", f"**{finding.grade}**", what]
        if living:
            cells.append(f"**{(finding.without_dead or finding).grade}**")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def changes(table: pd.DataFrame, published: pd.DataFrame) -> str:
    """A Markdown table of the changes from each alpha to the next, and from the first to the last.

    Args:
      table: results of a study.
      published: columns `alpha`, `selectivity` and `accuracy`; alphas that it lacks are left out.
    """
    ours = results.summarize(table)[["alpha", "class selectivity", "clean accuracy"]]
    both = ours.merge(published[["alpha", "selectivity", "accuracy"]], on="alpha")
    rows = [row for _, row in both.set_index("alpha").iterrows()]
    lines = [
        "| alpha from, to | selectivity, this study | selectivity, published "
        "| clean accuracy, this study | clean accuracy, published |",
        "|---|---|---|---|---|",
    ]
    steps = list(itertools.pairwise(rows))
    for start, end in [*steps, (rows[0], rows[-1])] if len(steps) > 1 else steps:
        change, times = end - start, end / start
        cells = [f"{start.name:g}, {end.name:g}".replace("-", "−")]
        for name in ("class selectivity", "selectivity"):
            cells.append(f"{_signed(change[name], 3)} ({times[name]:.2f}-fold)")
        for name in ("clean accuracy", "accuracy"):
            cells.append(f"{_signed(100 * change[name], 1)} points")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _signed(number, decimals):
    return f"{number:+.{decimals}f}".replace("-", "−")


def main(words: Sequence[str]) -> int:
    """Writes the tables into the pages."""
    options = parse(Options, words, "experiments/studies/pages.py", description=__doc__)
    for study in options.only or of_second_edition():
        page = options.pages / study / "README.md"
        write_text(page, filled(page.read_text(), study))
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
