"""Measurements of individual units of a run's networks, stored in `units.parquet`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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
    """Reads the table of a run; returns an empty table if the file does not exist."""
    return joined(with_training(pd.read_parquet(path))) if path.exists() else joined()


def write_unit_values(path: Path, table: pd.DataFrame) -> None:
    """Writes the table atomically; does nothing if the table is empty."""
    if len(table):
        with whole_file(path, "wb") as file:
            table.to_parquet(file, index=False)
