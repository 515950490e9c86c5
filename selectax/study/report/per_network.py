"""The quantities that the papers' findings are about, one row a network."""

from collections.abc import Mapping

import pandas as pd

from selectax.study.run.strongest_pgd import is_strongest_pgd


def per_network(table: pd.DataFrame, units: Mapping[str, int]) -> pd.DataFrame:
    """Summarizes each network that did not diverge.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth. The first third of the layers are
        the early layers.

    Returns:
      One row a network, with NaN for what was not measured. Columns: `alpha`, `seed`;
      `selectivity`, 0 to 1; accuracies `clean`, `corruptions` (mean over corruptions and
      severities), `fgsm` and `pgd` (mean over epsilons above 0, with the most steps), and
      `relative`, corrupted divided by clean accuracy; number of components for 95 % of the
      variance as a fraction of units in the early layers, `early`, `early_corruptions`,
      `early_pgd`, `early_difference_corruptions` and `early_difference_pgd`; coefficients of
      variation of input-unit gradients, means over layers, `variation_over_samples` and
      `variation_over_units`; `doubts`, the number of signs of masked gradients.
    """
    diverged = table.loc[table["metric"] == "diverged", ["alpha", "seed"]]
    keys = pd.MultiIndex.from_frame(table[["alpha", "seed"]])
    table = table[~keys.isin(pd.MultiIndex.from_frame(diverged))]
    whole = table[table["layer"] == ""]
    accuracy = whole[whole["metric"] == "accuracy"]
    attacked = accuracy[accuracy["epsilon"] > 0]
    relative = whole[whole["metric"] == "relative_accuracy"]
    parts = {
        "selectivity": whole[whole["metric"] == "class_selectivity"],
        "clean": accuracy[accuracy["perturbation"] == ""],
        "corruptions": accuracy[accuracy["perturbation"] == "corruptions"],
        "relative": relative[relative["perturbation"] == "corruptions"],
        "fgsm": attacked[attacked["perturbation"] == "fgsm"],
        "pgd": attacked[is_strongest_pgd(attacked)],
        **_dimensionality(table, units),
        "variation_over_samples": table[table["metric"] == "input_gradient_cv"],
        "variation_over_units": table[table["metric"] == "input_gradient_cv_over_units"],
    }
    columns = {
        name: rows.groupby(["alpha", "seed"])["value"].mean() for name, rows in parts.items()
    }
    doubts = whole[whole["metric"] == "masked_gradients"].groupby(["alpha", "seed"])["value"].max()
    networks = table.groupby(["alpha", "seed"]).size()
    return pd.DataFrame({**columns, "doubts": doubts}, index=networks.index).reset_index()


def early_layers(units: Mapping[str, int]) -> list[str]:
    """The first third of the layers."""
    return list(units)[: -(-len(units) // 3)]


def _dimensionality(table, units):
    rows = table[
        (table["metric"] == "dimensionality_95") & table["layer"].isin(early_layers(units))
    ]
    rows = rows.assign(value=rows["value"] / rows["layer"].map(units).astype(float))
    of, strong = rows["perturbation"], rows["epsilon"] > 0
    difference = of.str.startswith("difference:")
    corrupted, by_pgd = rows["severity"].notna(), strong & of.str.endswith("pgd")
    return {
        "early": rows[of == ""],
        "early_corruptions": rows[corrupted & ~difference],
        "early_pgd": rows[by_pgd & ~difference],
        "early_difference_corruptions": rows[corrupted & difference],
        "early_difference_pgd": rows[by_pgd & difference],
    }
