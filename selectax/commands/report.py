"""Writes report.html of a run: findings, figures, tables, and how to reproduce them."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse
from selectax.commands.command_line.run_folders import refused_runs


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """Writes report.html of a run, which may be half done, or of several runs as one study."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...")]
    """Folders of runs, such as runs/digits_resnet8; several of one model on one data set, such as
    those of an array job."""
    output: Path | None = None
    """The page; by default report.html in the folder of one run. Several runs need it."""


CONFIG = ReportConfig
EXAMPLES = (
    "runs/digits_resnet8",
    "runs/seeds_0 runs/seeds_5 --output report.html",
)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on `arguments`, by default those of the process; returns the exit status."""
    config = parse(CONFIG, arguments, program, examples=EXAMPLES)
    refusal = _refusal(config)
    if refusal:
        print(refusal, file=sys.stderr)
        return 2
    output = config.output or config.runs[0] / "report.html"
    # Imported here, because pandas and matplotlib take seconds and help should appear at once.
    from selectax.study.reports import write_report_of

    try:
        path = write_report_of(config.runs, output)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence_on(error, output), file=sys.stderr)
        return 2
    print(f"Report: {path}")
    return 0


def _refusal(config: ReportConfig) -> str | None:
    """One sentence on why the arguments are refused, or None."""
    if not config.runs:
        return "RUN: missing; give the folder of a run, such as runs/digits_resnet8."
    if refused := refused_runs(config.runs):
        return refused
    if config.output is None and len(config.runs) > 1:
        return "--output: missing with several runs; name the page, such as report.html."
    if config.output is not None and (config.output.is_dir() or not config.output.parent.is_dir()):
        return f"--output {config.output}: is no file in a folder; name one, such as report.html."
    return None
