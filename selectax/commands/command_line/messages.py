"""Messages on stderr besides progress: errors, and Python's own warnings."""

import contextlib
import json
import sys
import warnings
from collections.abc import Iterator

from selectax.study.config import LogOptions


def complain(error: Exception | str, options: LogOptions) -> None:
    """Prints an error, as JSON if the options ask for it."""
    _print("error", str(error), options)


@contextlib.contextmanager
def printed_warnings(options: LogOptions) -> Iterator[None]:
    """Within, Python's warnings are printed as JSON, too, if the options ask for it."""
    # Restores warnings.showwarning, which is Python's documented hook.
    with warnings.catch_warnings():
        if options.log_json:
            warnings.showwarning = lambda message, category, *_: _print(
                "warning", f"{category.__name__}: {message}", options
            )
        yield


def _print(event: str, sentence: str, options: LogOptions) -> None:
    if options.log_json:
        sentence = json.dumps({"event": event, "message": sentence})
    print(sentence, file=sys.stderr, flush=True)
