"""What goes to stderr besides progress: errors, and Python's own warnings."""

import json
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectax.study.configuration.options import LogOptions


def complain(error: Exception | str, options: "LogOptions") -> None:
    """Tells of an error, as JSON if that is asked for."""
    _tell("error", str(error), options)


def tell_of_warnings(options: "LogOptions") -> None:
    """Prints each of Python's warnings as one line, or as JSON if that is asked for."""

    def tell(message, category, *_):
        sentence = " ".join(str(message).split())
        # Ours are sentences for users; other categories are for programmers.
        ours = category is UserWarning and not options.log_json
        _tell("warning", sentence if ours else f"{category.__name__}: {sentence}", options)

    warnings.showwarning = tell


def _tell(event: str, sentence: str, options: "LogOptions") -> None:
    if options.log_json:
        sentence = json.dumps({"event": event, "message": sentence})
    print(sentence, file=sys.stderr, flush=True)
