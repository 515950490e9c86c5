"""Measures one network: `selectax evaluate`, from the repository."""

import sys

from selectax.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
