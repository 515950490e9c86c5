"""Checks of the folders of runs that a command is given."""

from collections.abc import Sequence
from pathlib import Path


def refused_runs(runs: Sequence[Path]) -> str | None:
    """One sentence on a folder that does not exist or is given twice; None if there is none."""
    for run in runs:
        if not run.is_dir():
            return f"RUN {run}: no such folder; name that of a run."
        if runs.count(run) > 1:
            return f"RUN {run}: given {runs.count(run)} times; give each run once."
    return None
