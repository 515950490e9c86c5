"""Prepares, checks, lists and shows the data sets: `selectax data`, from the repository."""

import sys

from selectax.commands.data import main

if __name__ == "__main__":
    sys.exit(main())
