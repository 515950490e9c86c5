"""Writes report.html of a run: `selectax report`, from the repository."""

import sys

from selectax.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
