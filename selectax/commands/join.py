"""Joins runs of one study, such as those of an array job, into the folder of one run."""

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
class JoinConfig:
    """Joins the networks and results of several runs, which may be half done, into one run.

    The new folder has figures, a report and training curves of all networks. Checkpoints stay where
    they are.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...")]
    """Folders of runs that differ only in their networks and measures."""
    output: Path
    """Folder of the new run; it must be empty or not exist."""


CONFIG = JoinConfig
EXAMPLES = ("runs/seeds_0 runs/seeds_5 --output runs/seeds_0_to_9",)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on `arguments`, by default those of the process; returns the exit status."""
    config = parse(CONFIG, arguments, program, examples=EXAMPLES)
    refusal = refused_runs(config.runs)
    if len(config.runs) < 2:
        refusal = "RUN: give at least two folders of runs, such as runs/seeds_0 runs/seeds_5."
    if refusal:
        print(refusal, file=sys.stderr)
        return 2
    # Imported here, because pandas and matplotlib take seconds and help should appear at once.
    from selectax.study.reports import join_runs

    try:
        folder = join_runs(config.runs, config.output)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence_on(error, config.output), file=sys.stderr)
        return 2
    print(f"Run: {folder.path}\nReport: {folder.report}")
    return 0
