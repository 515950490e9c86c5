"""The rows of a results table that a figure is of."""

from collections.abc import Mapping

import pandas as pd


def of_network(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric of whole networks, without rows that lack a value or an alpha."""
    return _measured(table, metric, table["layer"] == "")


def of_layers(table: pd.DataFrame, metric: str, units: Mapping[str, int]) -> pd.DataFrame:
    """A metric of layers, without rows that lack a value or an alpha.

    Args:
      table: the results table.
      metric: its name.
      units: number of units of each layer, in order of depth.

    Returns:
      The rows with columns `depth`, from 0, and `units`, of the row's layer.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    rows = _measured(table, metric, table["layer"] != "")
    unknown = sorted(set(rows["layer"]) - set(units))
    if unknown:
        raise ValueError(f"units lacks layer {unknown[0]!r} of the table; give those of its model.")
    depths = {layer: depth for depth, layer in enumerate(units)}
    # Without rows pandas would take these for text, as the layers' names are.
    return rows.assign(
        depth=rows["layer"].map(depths).astype("int64"),
        units=rows["layer"].map(units).astype("int64"),
    )


def _measured(table, metric, of_what):
    return table[of_what & (table["metric"] == metric)].dropna(subset=["value", "alpha"])
