"""Figures drawn from the results table, one function a figure.

Intervals are over seeds: a 95 % t-interval for three and more, the range for two, none for one.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from selectax.study.plotting import (
    STYLE,
    caption,
    draw_lines,
    fractions_on,
    legend,
    line_styles,
    number_text,
    number_ticks,
    over_seeds,
    over_seeds_text,
    panels,
)

_DOTS_PER_INCH = 200
_CLEAN = 0


def draw_all(table: pd.DataFrame, units: Mapping[str, int]) -> dict[str, Figure]:
    """Draws each figure for which the table has data.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      Figures by name.

    Raises:
      ValueError: the table is of several models or data sets, or has a layer that `units` lacks.
    """
    for column in ("model", "dataset"):
        several = table[column].unique()
        if len(several) > 1:
            raise ValueError(
                f"table has several in column {column}, {', '.join(several)}; take one of them."
            )
    figures = {
        "selectivity_by_alpha": selectivity_by_alpha(table),
        "clean_accuracy_by_alpha": clean_accuracy_by_alpha(table),
        "accuracy_by_severity": accuracy_by_severity(table),
        "robust_accuracy_by_epsilon": robust_accuracy_by_epsilon(table),
        "dimensionality_by_layer": dimensionality_by_layer(table, units),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def save(figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Writes figures as PNG files named as they are, each wholly or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        beside = path.with_suffix(".partial")
        with beside.open("wb") as file, matplotlib.rc_context(STYLE):
            figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        paths.append(path)
    return paths


def selectivity_by_alpha(table: pd.DataFrame) -> Figure | None:
    """The network's mean class selectivity index; None without such rows."""
    rows = _whole_network(table, "class_selectivity")
    figure = _by_alpha(rows, "class selectivity index, mean of the network")
    if figure is not None:
        figure.axes[0].set_ylim(bottom=0)
    return figure


def clean_accuracy_by_alpha(table: pd.DataFrame) -> Figure | None:
    """Accuracy on clean images; None without such rows."""
    rows = _whole_network(table, "accuracy")
    return _by_alpha(rows[rows["perturbation"] == ""], "accuracy on clean images")


def accuracy_by_severity(table: pd.DataFrame) -> Figure | None:
    """Accuracy under each corruption and their mean; None without such rows."""
    rows = _whole_network(table, "accuracy")
    corrupted = rows[rows["severity"].notna()]
    if corrupted.empty:
        return None
    clean = rows[rows["perturbation"] == ""].assign(severity=_CLEAN)
    names = sorted(corrupted["perturbation"].unique())
    of_panels = {
        name.replace("_", " "): corrupted[corrupted["perturbation"] == name] for name in names
    }
    if len(names) > 1:
        of_panels = {f"mean of {len(names)} corruptions": corrupted, **of_panels}
    styles = line_styles(rows["alpha"])
    with matplotlib.rc_context(STYLE):
        figure, all_axes = panels(list(of_panels), columns=min(len(of_panels), 5), size=(2.1, 1.9))
        for axes, of_panel in zip(all_axes, of_panels.values(), strict=True):
            summary = over_seeds(pd.concat([clean, of_panel]), ["alpha", "severity"])
            draw_lines(axes, summary, "severity", styles)
            axes.set_xticks([float(at) for at in sorted({_CLEAN, *corrupted["severity"]})])
            fractions_on(axes.yaxis)
        figure.supxlabel("severity (0: clean)", fontsize=9)
        figure.supylabel("accuracy", fontsize=9)
        legend(figure, styles)
        caption(figure, rows, over_seeds_text(summary))
    return figure


def robust_accuracy_by_epsilon(table: pd.DataFrame) -> Figure | None:
    """Accuracy under each attack, per number of steps; None without such rows."""
    rows = _whole_network(table, "accuracy")
    attacked = rows[rows["epsilon"].notna()]
    if attacked.empty:
        return None
    of_panels = {
        _attack_title(name, steps): of_panel
        for (name, steps), of_panel in attacked.groupby(["perturbation", "steps"])
    }
    styles = line_styles(rows["alpha"])
    with matplotlib.rc_context(STYLE):
        figure, all_axes = panels(list(of_panels), columns=3, size=(3.6, 3.2))
        for axes, of_panel in zip(all_axes, of_panels.values(), strict=True):
            summary = over_seeds(of_panel, ["alpha", "epsilon"])
            summary["epsilon"] *= 255
            draw_lines(axes, summary, "epsilon", styles)
            fractions_on(axes.yaxis)
        number_ticks(all_axes[0], (255 * attacked["epsilon"]).round(6))
        figure.supxlabel("ε (1/255 of a pixel's range; 0: clean)", fontsize=9)
        figure.supylabel("accuracy under attack", fontsize=9)
        legend(figure, styles)
        caption(figure, rows, over_seeds_text(summary))
    return figure


def dimensionality_by_layer(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Components for 95 % of the variance, of clean and perturbed responses and their difference.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      Panels for clean responses, and per kind of perturbation for perturbed responses and for
      their difference to clean ones; None without such rows.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    rows = table[table["metric"] == "dimensionality_95"]
    if rows.empty:
        return None
    unknown = sorted(set(rows["layer"]) - set(units))
    if unknown:
        raise ValueError(f"units lacks layer {unknown[0]!r} of the table; give those of its model.")
    depths = {layer: depth for depth, layer in enumerate(units)}
    rows = rows.assign(
        depth=rows["layer"].map(depths), value=rows["value"] / rows["layer"].map(units)
    )
    is_difference = rows["perturbation"].str.startswith("difference:")
    of_panels = {"clean": rows[rows["perturbation"] == ""]}
    kinds = {
        "corruptions, mean over severities": rows["severity"].notna(),
        "PGD, mean over ε": rows["perturbation"].str.endswith("pgd"),
    }
    kinds = {kind: of_kind for kind, of_kind in kinds.items() if of_kind.any()}
    # One column a kind, so that corruptions and attacks stand side by side below clean.
    if len(kinds) == 2:
        of_panels[""] = rows[:0]
    for title, chosen in (("perturbed", ~is_difference), ("difference", is_difference)):
        of_panels |= {f"{title}: {kind}": rows[of_kind & chosen] for kind, of_kind in kinds.items()}
    styles = line_styles(rows["alpha"])
    with matplotlib.rc_context(STYLE):
        width = min(max(4.6, 1.2 + 0.11 * len(units)), 7)
        figure, all_axes = panels(list(of_panels), columns=max(1, len(kinds)), size=(width, 2.3))
        for axes, (title, of_panel) in zip(all_axes, of_panels.items(), strict=True):
            if not title:
                axes.set_axis_off()
                continue
            summary = over_seeds(of_panel, ["alpha", "depth"])
            draw_lines(axes, summary, "depth", styles)
            names = [layer.replace("_", " ") for layer in units]
            axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        all_axes[0].set_ylim(bottom=0)
        figure.supylabel(
            "components for 95 % of the variance\nas a fraction of the layer's units", fontsize=9
        )
        legend(figure, styles)
        caption(figure, rows, over_seeds_text(summary))
    return figure


def _whole_network(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[(table["metric"] == metric) & (table["layer"] == "")]


def _attack_title(name: str, steps: int) -> str:
    return name.upper() if name == "fgsm" else f"{name.upper()}, {number_text(steps)} steps"


def _by_alpha(rows: pd.DataFrame, label: str) -> Figure | None:
    if rows.empty:
        return None
    summary = over_seeds(rows, ["alpha"])
    styles = line_styles(rows["alpha"])
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = panels([""], columns=1, size=(4.4, 3.2))
        axes.plot(summary["alpha"], summary["mean"], color="#9a9a9a", linewidth=1, zorder=1)
        axes.scatter(rows["alpha"], rows["value"], s=6, color="#9a9a9a", zorder=2)
        for point in summary.itertuples():
            color, marker = styles[point.alpha]["color"], styles[point.alpha]["marker"]
            axes.vlines(point.alpha, point.low, point.high, color=color, linewidth=1.6)
            axes.plot(point.alpha, point.mean, color=color, marker=marker, markersize=6)
        magnitudes = summary["alpha"].abs()[summary["alpha"] != 0]
        if len(magnitudes) and magnitudes.max() > 10 * magnitudes.min():
            axes.set_xscale("symlog", linthresh=magnitudes.min())
        number_ticks(axes, summary["alpha"])
        axes.set_xlabel("α (< 0: selectivity discouraged, > 0: promoted)")
        axes.set_ylabel(label)
        caption(figure, rows, over_seeds_text(summary), "dots: networks")
    return figure
