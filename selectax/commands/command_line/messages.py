"""What goes to stderr besides progress: errors, and Python's own warnings."""

import json
import sys
import warnings

from selectax.study.configuration.options import LogOptions


def complain(error: Exception | str, options: LogOptions) -> None:
    """Tells of an error, as JSON if that is asked for."""
    _tell("error", str(error), options)


def tell_of_warnings(options: LogOptions) -> None:
    """Lets Python's warnings, too, be JSON if that is asked for."""
    if options.log_json:
        warnings.showwarning = lambda message, category, *_: _tell(
            "warning", f"{category.__name__}: {message}", options
        )


def _tell(event: str, sentence: str, options: LogOptions) -> None:
    if options.log_json:
        sentence = json.dumps({"event": event, "message": sentence})
    print(sentence, file=sys.stderr, flush=True)
