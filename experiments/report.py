"""Writes the report of a run: findings with verdicts, figures, tables, settings, on one page."""

import dataclasses
import sys
from pathlib import Path

import tyro

from selectax.study.config import ConfigurationError


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """Writes report.html into a run's folder; the study may be half done."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""


def main() -> int:
    config = tyro.cli(ReportConfig)
    try:
        # Late, because pandas and matplotlib take seconds, and a wrong flag should not.
        from selectax.study.report import write_report

        print(f"Report: {write_report(config.run)}")
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"{error.filename}: {error.strerror}; make room or the folder writable.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
