"""Labelled images as arrays: embedded digits, and four data sets that TFDS prepares.

Importing this package loads neither NumPy nor TFDS. Import `selectax.datasets.builders` to use the
data sets by their names in TFDS.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from selectax.datasets.archives.archive import DataError
from selectax.datasets.registry import (
    ALL_DATASETS,
    CORRUPTED,
    DATASETS,
    SEVERITIES,
    SPLITS,
    DataSet,
    describe,
)
from selectax.installing import sentence_on_missing

if TYPE_CHECKING:
    from selectax.datasets.loading import load

__all__ = [
    "ALL_DATASETS",
    "CORRUPTED",
    "DATASETS",
    "SEVERITIES",
    "SPLITS",
    "DataError",
    "DataSet",
    "describe",
    "load",
]

if importlib.util.find_spec("tensorflow_datasets") is None:
    raise ImportError(sentence_on_missing(__name__, "tensorflow_datasets"))

if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name: str) -> Any:
        """Imports `load` on first use, because it needs NumPy."""
        if name != "load":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return importlib.import_module("selectax.datasets.loading").load

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
