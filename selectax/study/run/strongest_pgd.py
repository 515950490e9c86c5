"""Which rows of a results table are of PGD at its most believable: with the most steps."""

import pandas as pd


def is_strongest_pgd(rows: pd.DataFrame) -> pd.Series:
    """Whether a row is of PGD, or of its difference to clean images, with the most steps."""
    is_pgd = rows["perturbation"].isin({"pgd", "difference:pgd"}) & (rows["epsilon"] > 0)
    return is_pgd & (rows["steps"] == rows.loc[is_pgd, "steps"].max()).fillna(False).astype(bool)
