"""Joins several runs into one: `selectax join`, from the repository."""

import sys

from selectax.commands.join import main

if __name__ == "__main__":
    sys.exit(main())
