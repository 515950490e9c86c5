"""Messages on stderr besides progress: errors, and Python's own warnings."""

import contextlib
import json
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectax.study.configuration.options import LogOptions


def complain(error: Exception | str, options: "LogOptions") -> None:
    """Prints an error, as JSON if the options ask for it."""
    _print("error", str(error), options)


@contextlib.contextmanager
def printed_warnings(options: "LogOptions") -> Iterator[None]:
    """Within, prints each Python warning as one line, or as JSON if the options ask for it.

    Warnings for programmers are left out, as Python does by default, unless `python -W` or
    `PYTHONWARNINGS` asks for them.
    """

    def show(message, category, *_):
        sentence = " ".join(str(message).split())
        # Our own warnings are sentences for users; other categories are for programmers.
        ours = category is UserWarning and not options.log_json
        _print("warning", sentence if ours else f"{category.__name__}: {sentence}", options)

    # Restores warnings.showwarning, which is Python's documented hook.
    with warnings.catch_warnings():
        warnings.showwarning = show
        if not sys.warnoptions:
            for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                warnings.simplefilter("ignore", category)
        yield


def _print(event: str, sentence: str, options: "LogOptions") -> None:
    if options.log_json:
        sentence = json.dumps({"event": event, "message": sentence})
    print(sentence, file=sys.stderr, flush=True)
