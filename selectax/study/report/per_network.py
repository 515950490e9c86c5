"""The quantities that the papers' findings are about, one row a network."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from selectax.study.run.strongest_pgd import is_strongest_pgd

# Neighbouring epsilons above 0 of a usable grid are at most this factor apart.
COARSEST_GRID = 2.0
# Columns that tell a network apart from the others of a table.
NETWORK = ("training", "training_strength", "alpha", "seed")
_STANDARD = "standard"


def per_network(table: pd.DataFrame, units: Mapping[str, int]) -> pd.DataFrame:
    """Summarizes each network that did not diverge.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth. The first third of the layers are
        the early layers.

    Returns:
      One row a network, with NaN for what was not measured. Columns: `training` and
      `training_strength` (see `name_standard_training`), `alpha`, `seed`; `selectivity`, 0 to 1;
      accuracies `clean`, `corruptions` (mean over corruptions and severities), `fgsm` and `pgd`
      (mean over epsilons above 0, with the most steps), and `relative`, corrupted divided by clean
      accuracy; `fgsm_log2` and `pgd_log2`, see `mean_log2_epsilon`, in doublings of 1/255 of a
      pixel's range; `fgsm_beyond` and `pgd_beyond`, see `share_beyond`; number of components for
      95 % of the variance as a fraction of units in the early layers, `early`,
      `early_corruptions`, `early_pgd`, `early_difference_corruptions` and `early_difference_pgd`,
      and in all layers, `difference_corruptions` and `difference_pgd`; coefficients of variation
      of input-unit gradients, means over layers, `variation_over_samples` and
      `variation_over_units`; `dead`, the largest share of dead units of a layer; `doubts`, the
      number of signs of masked gradients.
    """
    table = name_standard_training(table)
    key = list(NETWORK)
    diverged = table.loc[table["metric"] == "diverged", key]
    keys = pd.MultiIndex.from_frame(table[key])
    table = table[~keys.isin(pd.MultiIndex.from_frame(diverged))]
    whole = table[table["layer"] == ""]
    accuracy = whole[whole["metric"] == "accuracy"]
    attacked = accuracy[accuracy["epsilon"] > 0]
    relative = whole[whole["metric"] == "relative_accuracy"]
    parts = {
        "selectivity": _clean(whole, "class_selectivity"),
        "clean": accuracy[accuracy["perturbation"] == ""],
        "corruptions": accuracy[accuracy["perturbation"] == "corruptions"],
        "relative": relative[relative["perturbation"] == "corruptions"],
        "fgsm": attacked[attacked["perturbation"] == "fgsm"],
        "pgd": attacked[is_strongest_pgd(attacked)],
        **_dimensionality(table, units),
        "variation_over_samples": table[table["metric"] == "input_gradient_cv"],
        "variation_over_units": table[table["metric"] == "input_gradient_cv_over_units"],
    }
    columns = {name: rows.groupby(key)["value"].mean() for name, rows in parts.items()}
    dead = _clean(table[table["layer"] != ""], "dead_units").groupby(key)["value"].max()
    doubts = whole[whole["metric"] == "masked_gradients"].groupby(key)["value"].max()
    networks = table.groupby(key).size()
    curves = _curves(accuracy, networks.index)
    summary = {**columns, **curves, "dead": dead, "doubts": doubts}
    return pd.DataFrame(summary, index=networks.index).reset_index()


def name_standard_training(table: pd.DataFrame) -> pd.DataFrame:
    """Names networks of strength 0 as of standard training, whatever the method of their run.

    Args:
      table: results or values of units, with a column `value`. All networks are of standard
        training if it lacks the columns `training` and `training_strength`.

    Returns:
      The table with both columns. A network that the runs of several methods contain appears once.
    """
    if "training_strength" not in table:
        return table.assign(training=_STANDARD, training_strength=0.0)
    training = table["training"].where(table["training_strength"] != 0, _STANDARD)
    if (training == table["training"]).all():
        return table
    named = table.assign(training=training)
    key = named.drop(columns="value")
    if "epoch" in key:  # values of units have none
        # Rounding may give two copies of a network another best epoch.
        key["epoch"] = key["epoch"].where(key["metric"].str.startswith("train_"), 0)
    return named[~key.duplicated()]


def standard_networks(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the networks of standard training, see `name_standard_training`."""
    table = name_standard_training(table)
    return table[table["training"] == _STANDARD]


def early_layers(units: Mapping[str, int]) -> list[str]:
    """The first third of the layers."""
    return list(units)[: -(-len(units) // 3)]


def mean_log2_epsilon(
    epsilons: Float[np.ndarray, "epsilons"], accuracies: Float[np.ndarray, "... epsilons"]
) -> Float[np.ndarray, "..."]:
    """Mean over images of log2 of the smallest epsilon that breaks an image.

    Only images that the network classifies correctly at epsilon 0 count. The share of them that
    survives each epsilon is a survival function. It is interpolated linearly in log2 of epsilon,
    and extended by 1 at half the smallest epsilon above 0 and by 0 at twice the largest one: an
    image that breaks below the grid counts between half the smallest epsilon and the smallest, and
    one that survives the grid between the largest and twice the largest. The mean is the lower end
    plus the area under this line (our choice; we could not read the papers' methods sections).

    Neighbouring epsilons may be at most a factor of COARSEST_GRID apart. If log2 of the smallest
    epsilon is normal over images with a standard deviation of 0.6 or more, a grid of doublings
    gives its mean within 0.01. A grid of factors of 4 may err by 0.1, which is as much as the
    differences between networks.

    Args:
      epsilons: epsilons in ascending order, starting with 0.
      accuracies: accuracy at each epsilon, 0 to 1; does not rise with epsilon.

    Returns:
      The mean, in doublings of the unit of epsilon, as float64. NaN if nothing is classified
      correctly at epsilon 0, if an accuracy is NaN, and if the grid does not start with 0, has no
      two epsilons above 0 or is too coarse.
    """
    epsilons, accuracies = np.asarray(epsilons, np.float64), np.asarray(accuracies, np.float64)
    if not is_usable(epsilons):
        return np.full(accuracies.shape[:-1], np.nan)
    at = np.log2(np.concatenate([epsilons[1:2] / 2, epsilons[1:], epsilons[-1:] * 2]))
    with np.errstate(invalid="ignore", divide="ignore"):
        surviving = accuracies / accuracies[..., :1]
    surviving = np.concatenate([surviving, np.zeros_like(surviving[..., :1])], axis=-1)
    return at[0] + np.trapezoid(surviving, at, axis=-1)


def share_beyond(accuracies: Float[np.ndarray, "... epsilons"]) -> Float[np.ndarray, "..."]:
    """Share of images whose smallest epsilon is outside a grid of epsilons.

    Args:
      accuracies: accuracy at each epsilon in ascending order, starting with 0.

    Returns:
      Of the images that are correct at epsilon 0, the larger of the shares that break below the
      smallest epsilon above 0 and that survive the largest.
    """
    accuracies = np.asarray(accuracies, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        surviving = accuracies / accuracies[..., :1]
    return np.maximum(1 - surviving[..., 1], surviving[..., -1])


def is_usable(epsilons: Float[np.ndarray, "epsilons"]) -> bool:
    """Whether a grid starts with 0, has two epsilons above it, and is fine enough."""
    epsilons = np.asarray(epsilons, np.float64)
    if len(epsilons) < 3 or epsilons[0] != 0:
        return False
    # Epsilons in tables are rounded.
    return bool((epsilons[2:] / epsilons[1:-1]).max() <= COARSEST_GRID * (1 + 1e-6))


def _curves(accuracy, networks):
    """Columns `fgsm_log2`, `fgsm_beyond`, `pgd_log2` and `pgd_beyond`."""
    found = {}
    for attack in ("fgsm", "pgd"):
        rows = accuracy[(accuracy["perturbation"] == attack) & accuracy["epsilon"].notna()]
        steps = rows["steps"].astype("Int64").fillna(0)
        rows = rows[steps == steps.max()]
        curve = rows.pivot_table("value", list(NETWORK), "epsilon", aggfunc="mean", dropna=True)
        epsilons, values = 255 * curve.columns.to_numpy(float), curve.to_numpy(float)
        nothing = np.full(len(curve), np.nan)
        usable = is_usable(epsilons)
        of_attack = {
            "log2": mean_log2_epsilon(epsilons, values) if usable else nothing,
            "beyond": share_beyond(values) if usable else nothing,
        }
        for name, value in of_attack.items():
            found[f"{attack}_{name}"] = pd.Series(value, curve.index).reindex(networks)
    return found


def _clean(rows, metric):
    return rows[(rows["metric"] == metric) & (rows["perturbation"] == "")]


def _dimensionality(table, units):
    rows = table[(table["metric"] == "dimensionality_95") & table["layer"].isin(list(units))]
    rows = rows.assign(value=rows["value"] / rows["layer"].map(units).astype(float))
    of, strong = rows["perturbation"], rows["epsilon"] > 0
    difference = of.str.startswith("difference:")
    corrupted, by_pgd = rows["severity"].notna(), strong & of.isin(("pgd", "difference:pgd"))
    early = rows["layer"].isin(early_layers(units))
    return {
        "early": rows[early & (of == "")],
        "early_corruptions": rows[early & corrupted & ~difference],
        "early_pgd": rows[early & by_pgd & ~difference],
        "early_difference_corruptions": rows[early & corrupted & difference],
        "early_difference_pgd": rows[early & by_pgd & difference],
        "difference_corruptions": rows[corrupted & difference],
        "difference_pgd": rows[by_pgd & difference],
    }
