"""Writes what the studies say of each finding: the table and the figure of docs/evidence.md.

Only studies whose networks were trained after their conditions were committed take part: all but
those of the first edition in decided_by.json. Of these, studies of digits are left out, which test
the machinery and are no natural images.
"""

import dataclasses
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.marked import with_marked
from experiments.study import STUDIES, with_results
from selectax.commands.command_line.parsing import parse
from selectax.study.report.claims import FINDINGS
from selectax.study.report.criteria import Criterion
from selectax.study.report.findings import Effect, Finding, find
from selectax.study.run.folder import write_text
from selectax.study.run.recorded_runs import read_runs

DOCS = STUDIES.parents[1] / "docs"
DIFFERENT = "different verdicts in our studies"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")


@dataclasses.dataclass(frozen=True)
class Options:
    """Writes the table and the figure from the studies' tables."""

    page: Path = DOCS / "evidence.md"
    """Page with the table."""
    figure: Path = DOCS / "images" / "evidence.png"
    """File of the figure."""


def of_second_edition() -> list[str]:
    """Names of the studies whose conditions were committed before their networks were trained."""
    first = json.loads((STUDIES / "decided_by.json").read_text())["first"]["studies"]
    return [name for name in with_results() if name not in first]


def studies() -> list[str]:
    """Those of the second edition that are of natural images."""
    return [name for name in of_second_edition() if dataset_of(name) != "digits"]


def dataset_of(study: str) -> str:
    """Name of the data set whose images a study's networks were trained on."""
    return json.loads((STUDIES / study / "run" / "config.json").read_text())["dataset"]


def findings_of(study: str) -> tuple[Finding, ...]:
    """Every finding of the second edition, in the networks of a study."""
    run = read_runs([STUDIES / study / "run"])
    return find(run.table, run.units, np.random.default_rng(0))


def table(found: Mapping[str, Sequence[Finding]]) -> str:
    """A summary, and a Markdown table with a row for each finding and each study that tests it."""
    lines = [
        summary(found),
        "",
        "| finding | study | verdict | conditions, with 95 % intervals |",
        "|---|---|---|---|",
    ]
    for number, claim in enumerate(FINDINGS, start=1):
        tested = {
            study: of[number - 1] for study, of in found.items() if not of[number - 1].untested
        }
        sentence = f"{number}. {claim.text}"
        if not tested:
            lines.append(f"| {sentence} | none | **not tested** | |")
        for study, finding in tested.items():
            link = f"`{study}` ([table](../experiments/studies/{study}/run/results.parquet))"
            lines.append(f"| {sentence} | {link} | **{finding.grade}** | {deciding(finding)} |")
            sentence = ""
    return "\n".join(lines)


def summary(found: Mapping[str, Sequence[Finding]]) -> str:
    """A sentence that tells the verdict on each finding by its number."""
    told_as = {
        "holds": ("holds", "hold"),
        "holds in part": ("holds in part", "hold in part"),
        "does not hold": ("does not hold", "do not hold"),
        "cannot say": ("is undecided", "are undecided"),
        "not tested": ("is not tested", "are not tested"),
        DIFFERENT: (f"has {DIFFERENT}", f"have {DIFFERENT}"),
    }
    numbers = by_verdict(found)
    parts = [
        f"{listed(list(map(str, numbers[verdict])))} {words[len(numbers[verdict]) > 1]}"
        for verdict, words in told_as.items()
        if numbers.get(verdict)
    ]
    return f"Of the findings below, {listed(parts)}."


def by_verdict(found: Mapping[str, Sequence[Finding]]) -> dict[str, list[int]]:
    """Numbers of the findings by verdict, or by `DIFFERENT` if the studies disagree."""
    numbers: dict[str, list[int]] = {}
    for at in range(len(FINDINGS)):
        verdicts = {of[at].verdict for of in found.values()} - {"not tested"} or {"not tested"}
        verdict = verdicts.pop() if len(verdicts) == 1 else DIFFERENT
        numbers.setdefault(verdict, []).append(at + 1)
    return numbers


def listed(words: Sequence[str]) -> str:
    """The words with commas, and "and" before the last one."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def deciding(finding: Finding) -> str:
    """The conditions that decide a finding, and its premises, in words."""
    return "; ".join(told(effect) for effect in finding.effects if effect.condition)


def told(effect: Effect) -> str:
    """A condition with its estimate and its verdict, in words."""
    name = "premise: " * effect.is_premise + effect.name
    # Two digits of a value like 0.046.
    decimals = 3 if max(map(abs, interval(effect))) < 0.1 else 2
    value, low, high = (f"{number:.{decimals}f}".replace("-", "−") for number in interval(effect))
    return f"{name} {value} ({low} to {high}): {effect.verdict}"


def interval(effect: Effect) -> tuple[float, float, float]:
    """Value, lower end and upper end."""
    estimate = effect.estimate
    return estimate.value, estimate.low, estimate.high


def supporting(criterion: Criterion, effect: Effect) -> tuple[float, float, float]:
    """The interval with the sign changed if the claim expects a negative value."""
    value, low, high = interval(effect)
    return (value, low, high) if criterion.must_be == "above" else (-value, -high, -low)


def correlations(
    found: Mapping[str, Sequence[Finding]],
) -> Iterator[tuple[int, Criterion, str, Effect]]:
    """Number of the finding, condition, study and effect of every rank correlation that decides."""
    for number, claim in enumerate(FINDINGS):
        for place, criterion in enumerate(claim.criteria):
            if not criterion.condition or not criterion.name.startswith("rank correlation"):
                continue
            for study, of in found.items():
                effect = of[number].effects[place]
                if not of[number].untested and np.isfinite(effect.estimate.value):
                    yield number + 1, criterion, study, effect


def draw(found: Mapping[str, Sequence[Finding]], path: Path) -> None:
    """Draws the rank correlations of all conditions, positive where they support the claim."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    points = list(correlations(found))
    rows = list(dict.fromkeys((number, criterion.name) for number, criterion, _, _ in points))
    figure, axis = plt.subplots(figsize=(8, 0.8 + 0.32 * len(rows)), layout="constrained")
    for at, study in enumerate(found):
        of_study = [point for point in points if point[2] == study]
        heights, values, errors = [], [], []
        for number, criterion, _, effect in of_study:
            value, low, high = supporting(criterion, effect)
            heights.append(
                rows.index((number, criterion.name)) + 0.18 * (at - (len(found) - 1) / 2)
            )
            values.append(value)
            errors.append((value - low, high - value))
        lengths = np.clip(np.transpose(errors), 0, None) if errors else None
        axis.errorbar(
            values, heights, xerr=lengths, fmt="o", markersize=4, color=COLORS[at], label=study
        )
    axis.axvline(0, color="0.6", linewidth=0.8)
    premises = {(number, one.name) for number, one, _, _ in points if one.is_premise}
    labels = [
        f"{number}. {short(name)}" + (" (premise)" if (number, name) in premises else "")
        for number, name in rows
    ]
    axis.set_yticks(range(len(rows)), labels, fontsize=8)
    axis.set(xlim=(-1.05, 1.05), ylim=(len(rows) - 0.5, -0.5))
    axis.set_xlabel("rank correlation, positive where it supports the claim (95 % interval)")
    axis.legend(fontsize=7, frameon=False, loc="lower left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None, "Description": drawn(found)})
    plt.close(figure)


def drawn(found: Mapping[str, Sequence[Finding]]) -> str:
    """A digest of what the figure shows, which its file holds."""
    points = [
        (number, study, criterion.name, [f"{end:.2f}" for end in supporting(criterion, effect)])
        for number, criterion, study, effect in correlations(found)
    ]
    return hashlib.sha256(json.dumps(points).encode()).hexdigest()


def short(name: str) -> str:
    """The name of a condition without the words that all rank correlations begin with."""
    return re.sub(r"^rank correlation of (selectivity|alpha|training strength) with ", "", name)


def main(words: Sequence[str]) -> int:
    """Writes the table and the figure."""
    options = parse(Options, words, "experiments/studies/evidence.py", description=__doc__)
    found = {study: findings_of(study) for study in studies()}
    write_text(options.page, with_marked(options.page.read_text(), "evidence", table(found)))
    draw(found, options.figure)
    print(f"{options.page}\n{options.figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
