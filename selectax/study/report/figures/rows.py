"""Rows of a results table that a figure shows."""

from collections.abc import Mapping

import pandas as pd


def of_network(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of a metric of whole networks, without those that lack a value or an alpha."""
    return _measured(table, metric, table["layer"] == "")


def of_layers(table: pd.DataFrame, metric: str, units: Mapping[str, int]) -> pd.DataFrame:
    """Rows of a metric of layers, without those that lack a value or an alpha.

    Args:
      table: the results table.
      metric: its name.
      units: number of units of each layer, in order of depth.

    Returns:
      The rows with the columns that `with_depth` adds.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    return with_depth(_measured(table, metric, table["layer"] != ""), units)


def of_known_layers(table: pd.DataFrame, units: Mapping[str, int]) -> pd.DataFrame:
    """Rows of whole networks and of the layers of `units`."""
    return table[table["layer"].isin(["", *units])]


def with_other_layers(table: pd.DataFrame, metric: str, units: Mapping[str, int]) -> dict[str, int]:
    """`units`, followed by the other layers that a table has rows of a metric for, with 0 units."""
    layers = table.loc[(table["metric"] == metric) & (table["layer"] != ""), "layer"]
    return {**dict.fromkeys([*units, *layers], 0), **units}


def with_depth(rows: pd.DataFrame, units: Mapping[str, int]) -> pd.DataFrame:
    """Rows of layers with columns `depth`, from 0, and `units`, the number in the row's layer.

    Raises:
      ValueError: a row is of a layer that `units` lacks.
    """
    unknown = sorted(set(rows["layer"]) - set(units))
    if unknown:
        raise ValueError(f"units lacks layer {unknown[0]!r} of the table; give those of its model.")
    depths = {layer: depth for depth, layer in enumerate(units)}
    # Explicit types, because pandas gives the columns of an empty table the type of text.
    return rows.assign(
        depth=rows["layer"].map(depths).astype("int64"),
        units=rows["layer"].map(units).astype("int64"),
    )


def _measured(table, metric, of_what):
    return table[of_what & (table["metric"] == metric)].dropna(subset=["value", "alpha"])
