"""Settings of the user's environment that could otherwise make a command fail."""

import os
import sys


def settle_environment() -> None:
    """Makes streams replace what they cannot encode, and matplotlib draw without a display."""
    for stream in (sys.stdout, sys.stderr):
        # A notebook's streams encode everything, and have no `reconfigure`.
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if "matplotlib" not in sys.modules:
        # A notebook's commands inherit its backend, which may be missing in their environment.
        os.environ["MPLBACKEND"] = "agg"
