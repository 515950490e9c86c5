"""Errors on stderr."""

import json
import sys

from selectax.study.config import LogOptions


def complain(error: Exception | str, options: LogOptions) -> None:
    """Tells of an error, as JSON if that is asked for."""
    sentence = str(error)
    if options.log_json:
        sentence = json.dumps({"event": "error", "message": sentence})
    print(sentence, file=sys.stderr, flush=True)
