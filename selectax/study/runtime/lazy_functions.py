"""Functions whose module is imported when they are first called.

The tables of measures and training methods consist of them, so that the command line shows its help
without delay.
"""

import importlib
from collections.abc import Callable
from typing import Any


def lazy_function(module: str, name: str) -> Callable[..., Any]:
    """Returns a function that imports a module and calls the function of that name in it."""

    def call(*arguments):
        return getattr(importlib.import_module(module), name)(*arguments)

    return call
