"""Trains networks at several alphas and measures them: `selectax sweep`, from the repository."""

import sys

from selectax.commands.sweep import main

if __name__ == "__main__":
    sys.exit(main())
