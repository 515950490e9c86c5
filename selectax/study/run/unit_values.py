"""Measurements of individual units of a run's networks, stored in `units.parquet`."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run.networks import NetworkId
from selectax.study.run.results import with_training
from selectax.study.runtime.whole_files import whole_file

_COLUMNS = {
    "alpha": "float64",
    "seed": "int64",
    "training": "str",
    "training_strength": "float64",
    "metric": "str",
    "layer": "str",
    "unit": "int32",
    "value": "float32",
}


def unit_table(whose: NetworkId, values: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Makes a table of the values of all units of one network.

    Args:
      whose: the network.
      values: maps a metric to a mapping from each layer to an array with one value per unit.

    Returns:
      A table with the fields of `NetworkId` and the columns metric, layer, unit (index of the unit
      in the layer) and value.
    """
    parts = [
        pd.DataFrame(
            {
                **whose._asdict(),
                "metric": metric,
                "layer": layer,
                "unit": np.arange(len(of_units)),
                "value": np.asarray(of_units),
            }
        )
        for metric, layers in values.items()
        for layer, of_units in layers.items()
    ]
    return joined(*parts)


def joined(*tables: pd.DataFrame) -> pd.DataFrame:
    """Joins several tables; if they share a measurement, the last table's value is kept."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})
    keys = [name for name in _COLUMNS if name != "value"]
    table = pd.concat(filled).drop_duplicates(keys, keep="last").astype(_COLUMNS)
    table = table[list(_COLUMNS)]
    return table.sort_values(keys, ignore_index=True)


def read_unit_values(path: Path) -> pd.DataFrame:
    """Reads the table of a run; returns an empty table if the file does not exist.

    Raises:
      ConfigurationError: the file is damaged.
    """
    if not path.exists():
        return joined()
    content = io.BytesIO(path.read_bytes())
    try:
        return joined(with_training(pd.read_parquet(content)))
    # A damaged file can make PyArrow and pandas raise any exception.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(
            f"{path}: is no table of values of units ({type(error).__name__}: {reason}); remove "
            "it to go on without it."
        ) from error


def write_unit_values(path: Path, table: pd.DataFrame) -> None:
    """Writes the table atomically; does nothing if the table is empty."""
    if len(table):
        with whole_file(path, "wb") as file:
            table.to_parquet(file, index=False)
