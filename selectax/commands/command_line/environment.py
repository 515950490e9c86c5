"""Settings of the process and its environment that could make a command fail, or slow."""

import atexit
import gc
import os
import sys


def settle_environment() -> None:
    """Makes streams replace what they cannot encode, and matplotlib draw without a display.

    Garbage is collected less often: JAX makes many objects that live on, so that a tenth of a short
    sweep's time went into searching them. At its end, a process gives all of them back at once; to
    search them first takes more than half a second.
    """
    gc.set_threshold(50_000, 10, 10)
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        # A notebook's streams encode everything, and have no `reconfigure`.
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if "matplotlib" not in sys.modules:
        # A notebook's commands inherit its backend, which may be missing in their environment.
        os.environ["MPLBACKEND"] = "agg"
