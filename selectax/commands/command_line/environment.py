"""The user's environment, as a command wants it: nothing of it may end work that goes well."""

import os
import sys


def settle_environment() -> None:
    """Lets streams replace what they cannot encode, and matplotlib draw without a display."""
    for stream in (sys.stdout, sys.stderr):
        # A notebook's streams cannot be reconfigured, and encode everything.
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if "matplotlib" not in sys.modules:
        # A notebook's backend need not be installed where its commands run.
        os.environ["MPLBACKEND"] = "agg"
