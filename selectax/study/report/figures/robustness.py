"""Accuracy on clean, corrupted and attacked images."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.panels import alpha_panels, line_panels, network_panels
from selectax.study.report.figures.rows import of_network
from selectax.study.report.figures.style import STYLE, number_text
from selectax.study.report.figures.ticks import fractions_on, number_ticks
from selectax.study.report.per_network import per_network
from selectax.study.report.published import PUBLISHED
from selectax.study.run.strongest_pgd import is_strongest_pgd

_CLEAN = 0
# Behind the marks of networks.
_PUBLISHED: dict[str, Any] = {
    "color": "#b5b5b5",
    "linewidth": 0.8,
    "marker": "o",
    "markersize": 3.5,
    "zorder": 1,
}
_NAMED_ALPHAS = (-2, -1, 0, 0.4, 1, 2)
_EPSILON_LABEL = "ε (1/255 of a pixel's range; 0: clean)"


@matplotlib.rc_context(STYLE)
def clean_accuracy_by_alpha(table: pd.DataFrame) -> Figure | None:
    """Accuracy on clean images; None without such rows."""
    rows = of_network(table, "accuracy")
    rows = rows[rows["perturbation"] == ""]
    if rows.empty:
        return None
    figure, _ = alpha_panels(table, {"": rows})
    figure.supylabel("accuracy on clean images")
    return figure


@matplotlib.rc_context(STYLE)
def accuracy_by_selectivity(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Each network's clean accuracy against its mean selectivity, before the published figure.

    A second panel shows the difference from the mean accuracy at alpha 0, of the networks and of
    the published figure. None without such rows, or if no figure of the data set is published.
    """
    names = table["dataset"].str.removesuffix("_c").unique()
    networks = per_network(table.dropna(subset=["alpha", "value"]), units)
    networks = networks[networks["training_strength"] == 0]  # as the published ones
    networks = networks.dropna(subset=["selectivity", "clean"]).rename(columns={"clean": "value"})
    if networks.empty or names[0] not in PUBLISHED:
        return None
    published = PUBLISHED[names[0]]
    points = published.points().rename(columns={"accuracy": "value"})
    panels = {"accuracy on clean images": (networks, points)}
    if (networks["alpha"] == 0).any():
        title = "accuracy minus the mean at α = 0"
        panels[title] = _less_baseline(networks), _less_baseline(points)
    figure, all_axes = network_panels(
        table,
        {title: rows for title, (rows, _) in panels.items()},
        "selectivity",
        columns=2,
        others=[_PUBLISHED | {"label": published.label}],
    )
    for axes, (_, behind) in zip(all_axes, panels.values(), strict=True):
        axes.plot(behind["selectivity"], behind["value"], **_PUBLISHED)
        for point in behind[behind["alpha"].isin(_NAMED_ALPHAS)].itertuples():
            axes.annotate(
                number_text(point.alpha),
                (point.selectivity, point.value),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=6.5,
                color="#777777",
            )
    figure.supxlabel("mean class selectivity index")
    figure.supylabel("accuracy")
    return figure


@matplotlib.rc_context(STYLE)
def perturbed_accuracy_by_alpha(table: pd.DataFrame) -> Figure | None:
    """Mean accuracy under corruptions, FGSM and PGD; None without such rows.

    A second panel of the corruptions shows accuracy divided by clean accuracy. PGD is the attack
    with the most steps.
    """
    rows, relative = of_network(table, "accuracy"), of_network(table, "relative_accuracy")
    corrupted, is_pgd = rows[rows["severity"].notna()], is_strongest_pgd(rows)
    number = corrupted["perturbation"].nunique()
    corruptions = f"{number} corruptions" if number > 1 else "".join(corrupted["perturbation"][:1])
    rows_by_title = {
        f"{corruptions}, mean over severities": corrupted,
        f"{corruptions}, relative to clean images": relative[relative["severity"].notna()],
        "FGSM, mean over ε": rows[(rows["perturbation"] == "fgsm") & (rows["epsilon"] > 0)],
        f"{_attack_title('pgd', rows[is_pgd])}, mean over ε": rows[is_pgd],
    }
    rows_by_title = {title: found for title, found in rows_by_title.items() if len(found)}
    if not rows_by_title:
        return None
    figure, _ = alpha_panels(table, rows_by_title)
    figure.supylabel("accuracy")
    return figure


@matplotlib.rc_context(STYLE)
def robustness_by_selectivity(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Each network's accuracy under corruptions and PGD against its mean selectivity.

    The accuracies are those of `selectax.study.report.per_network.per_network`, which the findings
    use; FGSM if PGD was not measured. None without such rows.
    """
    networks = per_network(table.dropna(subset=["alpha", "value"]), units)
    attack = "pgd" if networks["pgd"].notna().any() else "fgsm"
    titles = {
        "corruptions": "corruptions, mean over all and severities",
        attack: f"{attack.upper()}, mean over ε",
    }
    rows_by_title = {
        title: networks.dropna(subset=["selectivity", column]).rename(columns={column: "value"})
        for column, title in titles.items()
    }
    rows_by_title = {title: found for title, found in rows_by_title.items() if len(found)}
    if not rows_by_title:
        return None
    figure, all_axes = network_panels(table, rows_by_title, "selectivity", columns=1)
    all_axes[-1].set_xlabel("mean class selectivity index")
    figure.supylabel("accuracy")
    return figure


@matplotlib.rc_context(STYLE)
def accuracy_by_severity(table: pd.DataFrame) -> Figure | None:
    """Accuracy under each corruption, and their mean, by severity; None without such rows."""
    rows = of_network(table, "accuracy")
    corrupted = rows[rows["severity"].notna()]
    if corrupted.empty:
        return None
    # In an incomplete study some networks are measured only on clean images.
    networks = corrupted[["alpha", "seed"]].drop_duplicates()
    clean = rows[rows["perturbation"] == ""].drop(columns="severity").merge(networks)
    clean = clean.assign(severity=_CLEAN)
    names = sorted(corrupted["perturbation"].unique())
    rows_by_title = {
        name.replace("_", " "): corrupted[corrupted["perturbation"] == name] for name in names
    }
    if len(names) > 1:
        rows_by_title = {f"mean of {len(names)} corruptions": corrupted, **rows_by_title}
    rows_by_title = {
        title: pd.concat([clean, panel_rows]) for title, panel_rows in rows_by_title.items()
    }
    columns = 3 if len(rows_by_title) <= 6 else 5
    figure, all_axes = line_panels(
        table, rows_by_title, "severity", columns=columns, size=(2.1, 1.9)
    )
    for axes in all_axes:
        axes.set_xticks([float(at) for at in sorted({_CLEAN, *corrupted["severity"]})])
    fractions_on(all_axes[0].yaxis, pd.concat(rows_by_title.values())["value"].max())
    figure.supxlabel("severity (0: clean)")
    figure.supylabel("accuracy")
    return figure


@matplotlib.rc_context(STYLE)
def robust_accuracy_by_epsilon(table: pd.DataFrame) -> Figure | None:
    """Accuracy under each attack and number of steps by epsilon; None without such rows."""
    attacked = _attacked(table)
    if attacked.empty:
        return None
    rows_by_title = {
        _attack_title(name, panel_rows): panel_rows
        for (name, _), panel_rows in attacked.groupby(["perturbation", "steps"])
    }
    figure, all_axes = line_panels(table, rows_by_title, "epsilon", columns=3, size=(3, 2.6))
    fractions_on(all_axes[0].yaxis, attacked["value"].max())
    number_ticks(all_axes[0], attacked["epsilon"])
    figure.supxlabel(_EPSILON_LABEL)
    figure.supylabel("accuracy under attack")
    return figure


@matplotlib.rc_context(STYLE)
def robust_accuracy_by_steps(table: pd.DataFrame) -> Figure | None:
    """Accuracy under PGD by its number of steps; None if there is only one such number."""
    attacked = _attacked(table)
    pgd = attacked[(attacked["perturbation"] == "pgd") & (attacked["epsilon"] > 0)]
    if pgd["steps"].nunique() < 2:
        return None
    rows_by_title = {
        f"ε = {number_text(epsilon)}/255": panel_rows
        for epsilon, panel_rows in pgd.groupby("epsilon")
    }
    figure, all_axes = line_panels(table, rows_by_title, "steps", columns=3, size=(2.6, 2.1))
    fractions_on(all_axes[0].yaxis, pgd["value"].max())
    steps = pgd["steps"].astype(float)
    if steps.max() > 5 * steps.min():
        all_axes[0].set_xscale("log")
    number_ticks(all_axes[0], steps)
    figure.supxlabel("steps of PGD")
    figure.supylabel("accuracy under attack")
    return figure


def _less_baseline(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose value is the difference from the mean value at alpha 0."""
    return rows.assign(value=rows["value"] - rows.loc[rows["alpha"] == 0, "value"].mean())


def _attacked(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy under attacks, with epsilon in 1/255."""
    rows = of_network(table, "accuracy")
    rows = rows[rows["epsilon"].notna()]
    return rows.assign(epsilon=(255 * rows["epsilon"]).round(6))


def _attack_title(name: str, rows: pd.DataFrame) -> str:
    """Title of the rows of an attack, which have one number of steps."""
    title = name.upper().replace("_", "-")
    if name == "fgsm":
        return title
    steps = rows["steps"].max()
    return f"{title}, 1 step" if pd.notna(steps) and steps == 1 else f"{title}, {steps} steps"
