"""Writes report.html of a run: what was found, figures, tables, and how to reproduce them."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from selectax.commands.os_errors import sentence_on
from selectax.commands.parsing import parse


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """Writes report.html into the folder of a run, which may be half done."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a run, such as runs/digits_resnet8."""


CONFIG = ReportConfig
EXAMPLES = ("runs/digits_resnet8",)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on its words, by default those of the process; gives the exit status."""
    config = parse(CONFIG, arguments, program, examples=EXAMPLES)
    if not config.run.is_dir():
        print(f"RUN {config.run}: no such folder; name that of a run.", file=sys.stderr)
        return 2
    # Late, because pandas and matplotlib take seconds, and help should not.
    from selectax.study.report import write_report

    try:
        path = write_report(config.run)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence_on(error, config.run), file=sys.stderr)
        return 2
    print(f"Report: {path}")
    return 0
