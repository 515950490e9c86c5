"""The tables of a report, computed from the results table."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from selectax.study.report.figures.registry import other_metrics
from selectax.study.report.figures.rows import with_other_layers
from selectax.study.report.figures.style import number_text
from selectax.study.report.per_network import per_network, standard_networks

_WORDS = {
    "selectivity": "class selectivity",
    "clean": "clean accuracy",
    "corruptions": "under corruptions",
    "relative": "corruptions / clean",
    "fgsm": "under FGSM",
    "pgd": "under PGD",
    "fgsm_log2": "log2 of FGSM's smallest ε",
    "pgd_log2": "log2 of PGD's smallest ε",
    "variation_over_samples": "gradient variation over samples",
    "variation_over_units": "gradient variation over units",
    "early": "early dimensions",
    "early_difference_corruptions": "early dimensions of corruptions' difference",
    "early_difference_pgd": "early dimensions of PGD's difference",
    "difference_corruptions": "dimensions of corruptions' difference",
    "difference_pgd": "dimensions of PGD's difference",
    "dead": "largest share of dead units of a layer",
}


_WHOLE = "whole network"


class Table(NamedTuple):
    """A table of the report.

    Attributes:
      title: heading.
      note: what the numbers are.
      frame: the cells: numbers, and names in the first columns.
    """

    title: str
    note: str
    frame: pd.DataFrame


def tables_of(
    table: pd.DataFrame, units: Mapping[str, int], metrics: Mapping[str, str] | None = None
) -> list[Table]:
    """The tables for which there are rows.

    Args:
      table: results of one model on one data set, complete or partial.
      units: number of units of each layer, in order of depth.
      metrics: what each metric is, with its unit and range; notes of the tables of other metrics.

    Returns:
      Tables by alpha, of the networks of standard training; one by the strength of training for
      robustness, of the networks of alpha 0; and one of all networks.
    """
    networks = per_network(table, units)
    table = standard_networks(table)
    whole = table[(table["layer"] == "") & (table["metric"] == "accuracy")]
    corrupted = whole[whole["severity"].notna()]
    attacked = whole[whole["epsilon"].notna()]
    attacked = attacked.assign(
        perturbation=attacked["perturbation"].str.upper(),
        epsilon=(255 * attacked["epsilon"]).round(6),
    )
    selectivity = table[table["metric"] == "class_selectivity"]
    layers = selectivity[(selectivity["layer"] != "") & (selectivity["perturbation"] == "")]
    of_layers = _over_alphas(layers, ["layer"])
    if len(of_layers):
        of_layers = of_layers.set_index("layer").reindex(units).reset_index()
    tables = [
        Table(
            "By alpha",
            "Means over the networks that did not diverge. Accuracies are fractions; those under "
            "corruptions are means over all severities, those under attacks over all epsilons "
            "above 0. The smallest ε is the one that breaks an image, in 1/255; its log2 is "
            "averaged over the images that are classified correctly. Dimensions are the number of "
            "components for 95 % of the variance as a fraction of units; early ones are those of "
            "the first third of the layers.",
            _means(networks[networks["training"] == "standard"], ["alpha"]),
        ),
        Table(
            "By strength of training",
            "Means over the networks of alpha 0 that did not diverge, as in the table by alpha; "
            "strength 0 is standard training.",
            _by_strength(networks),
        ),
        Table(
            "Accuracy by corruption",
            "Means over severities and seeds; one column an alpha.",
            _over_alphas(corrupted, ["perturbation"]),
        ),
        Table(
            "Accuracy by attack",
            "Means over seeds; epsilon in 1/255 of a pixel's range; one column an alpha.",
            _over_alphas(attacked, ["perturbation", "steps", "epsilon"]),
        ),
        Table(
            "Class selectivity by layer",
            "Means over units and seeds; one column an alpha.",
            of_layers,
        ),
        *(
            _of_metric(table, metric, metrics or {}, units)
            for metric in ("dead_units", *other_metrics(table))
        ),
        Table("Networks", "One row a network.", _named(networks, _key(networks))),
    ]
    return [one for one in tables if len(one.frame)]


def _of_metric(table, metric, metrics, units):
    """A metric that no other table shows, by layer and by perturbation if there are any."""
    rows = table[table["metric"] == metric]
    layers = [_WHOLE, *with_other_layers(table, metric, units)]
    rows = rows.assign(
        layer=pd.Categorical(rows["layer"].replace("", _WHOLE), layers, ordered=True),
        perturbation=rows["perturbation"].replace("", "none"),
    )
    by = ["layer"] + ["perturbation"] * bool((rows["perturbation"] != "none").any())
    frame = _over_alphas(rows, by)
    frame["layer"] = frame["layer"].astype(str)
    name = metric.replace("_", " ")
    note = f"{metrics[metric].rstrip('.')}. " if metrics.get(metric) else ""
    note = f"{note[:1].upper()}{note[1:]}Means over seeds; one column an alpha."
    return Table(f"{name[:1].upper()}{name[1:]}", note, frame)


def _key(networks):
    """The columns that tell these networks apart."""
    trained = (networks["training_strength"] > 0).any()
    return [*(("training", "training_strength") if trained else ()), "alpha", "seed"]


def _by_strength(networks):
    """Means by training method and strength; empty if all networks are of standard training."""
    if not (networks["training_strength"] > 0).any():
        return pd.DataFrame()
    return _means(networks[networks["alpha"] == 0], ["training", "training_strength"])


def _means(networks, by):
    groups = networks.groupby(by)
    means = groups.mean(numeric_only=True)
    means.insert(0, "networks", groups.size())
    return _named(means.drop(columns="seed").reset_index(), by)


def _named(networks, by):
    known = [name for name in (*by, "networks", *_WORDS) if name in networks.columns]
    frame = networks[known].dropna(axis="columns", how="all")
    return frame.rename(columns=_WORDS | {"training_strength": "strength"})


def _over_alphas(rows, by):
    frame = rows.pivot_table("value", by, "alpha", aggfunc="mean", dropna=True, observed=True)
    frame.columns = [f"α = {number_text(alpha)}" for alpha in frame.columns]
    return frame.reset_index()
