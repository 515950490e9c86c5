"""Selectivity and robustness of networks trained for robustness, by method and strength."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from selectax.study.report.figures.captions import caption, diverged_text
from selectax.study.report.figures.means import over_seeds, over_seeds_text
from selectax.study.report.figures.panels import panels
from selectax.study.report.figures.rows import of_layers, of_network
from selectax.study.report.figures.style import STYLE, number_text
from selectax.study.report.figures.ticks import number_ticks
from selectax.study.report.per_network import name_standard_training, per_network

_NETWORK: dict[str, Any] = {
    **{"color": "#262626", "marker": "o", "linewidth": 2, "label": "whole network"},
    "zorder": 3,
}
_LAYER_MARKERS = "s^DvPX<>*phd"
_LIGHTEST = 0.88  # of viridis; its lightest yellow is hard to see on white
# Looks of networks of standard training, by the sign of alpha.
_STANDARD: dict[int, dict[str, Any]] = {
    0: {"color": "#262626", "marker": "o", "label": "standard, α = 0"},
    -1: {"color": "#9a9a9a", "marker": "v", "label": "standard, α < 0"},
    1: {"color": "#9a9a9a", "marker": "^", "label": "standard, α > 0"},
}
# Colours of each method, from its weakest to its strongest training, and its marker.
_METHODS = (
    ("#c6b3e8", "#3f1d80", "s"),
    ("#f3c59b", "#8a3b00", "D"),
    ("#a9d8b5", "#0f5a2a", "P"),
    ("#a8cdf0", "#0b3f75", "X"),
    ("#eeb3c6", "#7a0f38", "*"),
)


@matplotlib.rc_context(STYLE)
def selectivity_by_strength(table: pd.DataFrame, units: Mapping[str, int]) -> Figure | None:
    """Mean class selectivity of each layer and of the network, by strength of training.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      A figure with one panel a training method, of the networks of alpha 0; strength 0 is standard
      training. None if no network was trained for robustness.

    Raises:
      ValueError: the table has a layer that `units` lacks.
    """
    table = name_standard_training(table)
    clean = table[(table["alpha"] == 0) & (table["perturbation"] == "")]
    whole = of_network(clean, "class_selectivity")
    layers = of_layers(clean, "class_selectivity", units)
    methods = _methods(whole)
    if not methods:
        return None
    # Methods have different units of strength.
    figure, all_axes = panels(methods, columns=2, size=(3.4, 3.0), share_places=False)
    styles = _layer_styles(units)
    summaries = []
    for axes, method in zip(all_axes, methods, strict=True):
        means = over_seeds(_of_method(layers, method), ["layer", "training_strength"])
        for layer, of_layer in means.groupby("layer"):
            axes.plot(of_layer["training_strength"], of_layer["mean"], **styles[layer])
        means = over_seeds(_of_method(whole, method), ["training_strength"])
        axes.plot(means["training_strength"], means["mean"], **_NETWORK)
        ends = means["training_strength"], means["low"], means["high"]
        axes.fill_between(*ends, color=_NETWORK["color"], alpha=0.15, linewidth=0)
        number_ticks(axes, means["training_strength"])
        summaries.append(means)
    all_axes[0].set_ylim(bottom=0)
    _legend(figure, [_NETWORK, *styles.values()])
    figure.supxlabel("strength of training (0: standard)")
    figure.supylabel("mean class selectivity index")
    caption(figure, whole, over_seeds_text(pd.concat(summaries)), diverged_text(table))
    return figure


@matplotlib.rc_context(STYLE)
def robustness_by_selectivity_of_methods(
    table: pd.DataFrame, units: Mapping[str, int]
) -> Figure | None:
    """Robustness to corruptions and to PGD against mean selectivity, for all training methods.

    Args:
      table: results of one model on one data set.
      units: number of units of each layer, in order of depth.

    Returns:
      A figure with one mark a network. Its panels show the outcomes that decide the findings,
      `relative` and `pgd_log2` of `selectax.study.report.per_network.per_network`. Networks of a
      method and of an alpha other than 0 are left out. None if no network was trained for
      robustness.
    """
    networks = per_network(table.dropna(subset=["alpha", "value"]), units)
    methods = _methods(networks)
    networks = networks[(networks["training_strength"] == 0) | (networks["alpha"] == 0)]
    titles = {
        "relative": "corruptions: accuracy divided\nby clean accuracy",
        "pgd_log2": "PGD: mean log2 of the smallest\nε that breaks an image, in 1/255",
    }
    shown = {
        title: networks.dropna(subset=["selectivity", column]).rename(columns={column: "value"})
        for column, title in titles.items()
    }
    shown = {title: rows for title, rows in shown.items() if len(rows)}
    if not methods or not shown:
        return None
    figure, all_axes = panels(list(shown), columns=2, size=(3.4, 3.0), share_values=False)
    looks: dict[str, dict[str, Any]] = {}
    for axes, rows in zip(all_axes, shown.values(), strict=True):
        for look, of_look in _by_look(rows, methods):
            axes.plot(of_look["selectivity"], of_look["value"], **look)
            looks[look["label"]] = look
    _legend(figure, looks.values())
    figure.supxlabel("mean class selectivity index")
    figure.supylabel("robustness")
    number = len(set().union(*(rows.index for rows in shown.values())))
    caption(figure, table, f"{number} networks, a mark each", diverged_text(table))
    return figure


def _methods(rows: pd.DataFrame) -> list[str]:
    """Training methods of the rows, without standard training."""
    return sorted(set(rows["training"]) - {"standard"})


def _of_method(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    """Rows of a method and of standard training."""
    return rows[rows["training"].isin([method, "standard"])]


def _by_look(
    networks: pd.DataFrame, methods: Sequence[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The networks that look alike, as arguments of `Axes.plot` and their rows."""
    apart = {"linestyle": "none", "markersize": 5}
    is_standard = networks["training_strength"] == 0
    for sign, look in _STANDARD.items():
        rows = networks[is_standard & (np.sign(networks["alpha"]) == sign)]
        if len(rows):
            yield look | apart, rows
    for method, (weakest, strongest, marker) in zip(methods, itertools.cycle(_METHODS)):
        colours = LinearSegmentedColormap.from_list(method, [weakest, strongest])
        rows = networks[~is_standard & (networks["training"] == method)]
        strengths = sorted(set(rows["training_strength"]))
        for rank, strength in enumerate(strengths, start=1):
            look = {
                "color": to_hex(colours(rank / len(strengths))),
                "marker": marker,
                "label": f"{method}, {number_text(strength)}",
            }
            yield look | apart, rows[rows["training_strength"] == strength]


def _layer_styles(units: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Looks of the layers, from dark to light with depth."""
    colours = colormaps["viridis"](np.linspace(0, _LIGHTEST, len(units)))
    return {
        layer: {
            "color": to_hex(colour),
            "marker": _LAYER_MARKERS[depth % len(_LAYER_MARKERS)],
            "markersize": 3,
            "linewidth": 0.8,
            "label": layer.replace("_", " "),
        }
        for depth, (layer, colour) in enumerate(zip(units, colours, strict=True))
    }


def _legend(figure: Figure, looks: Iterable[Mapping[str, Any]]) -> None:
    handles = [Line2D([], [], **look) for look in looks]
    figure.legend(handles=handles, handlelength=3.2, loc="outside right upper")
