"""Selects the rows of a results table that belong to PGD with the largest number of steps."""

import pandas as pd


def is_strongest_pgd(rows: pd.DataFrame) -> pd.Series:
    """Marks rows of PGD, or of its difference from clean images, with the most steps.

    Args:
      rows: rows of a results table.

    Returns:
      A boolean series with the index of the rows; False for epsilon 0.
    """
    is_pgd = rows["perturbation"].isin({"pgd", "difference:pgd"}) & (rows["epsilon"] > 0)
    return is_pgd & (rows["steps"] == rows.loc[is_pgd, "steps"].max()).fillna(False).astype(bool)
