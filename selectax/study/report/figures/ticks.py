"""Ticks: fractions, the values themselves, and the names of layers."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from selectax.study.report.figures.style import number_text


def fractions_on(axis: Axis, largest: float = 1) -> None:
    """Sets ticks from 0 to 1, or to 0.5, 0.2 or 0.1 if the largest value is below.

    Panels that share the axis share the ticks.
    """
    end = min((end for end in (0.1, 0.2, 0.5) if end >= largest), default=1)
    axis.set_ticks(np.linspace(0, end, 6))
    limit = axis.axes.set_xlim if axis is axis.axes.xaxis else axis.axes.set_ylim
    limit(-0.02 * end, 1.02 * end)


def number_ticks(axes: Axes, values: Iterable[float]) -> None:
    """Sets ticks at the values themselves, 0 and the outermost first, if their numbers fit."""
    values = sorted(set(values), key=lambda value: (value != 0, -abs(value)))
    places = axes.xaxis.get_transform().transform(np.array(values, float))
    room = 0.09 * (np.ptp(places) or 1)
    kept: list[Any] = []
    for at, place in enumerate(places):
        if all(abs(place - places[other]) >= room for other in kept):
            kept.append(at)
    axes.set_xticks(
        [values[at] for at in kept], [number_text(values[at]) for at in kept], minor=False
    )
    axes.minorticks_off()


def panel_width(units: Mapping[str, int]) -> float:
    """Width in inches at which the names of the layers fit side by side."""
    return min(max(3.0, 0.6 + 0.14 * len(units)), 7.5)


def layer_ticks(axes: Axes, units: Mapping[str, int]) -> None:
    """Labels the horizontal axis with the names of the layers at their depths, from 0."""
    names = [layer.replace("_", " ") for layer in units]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_xlim(-0.6, len(names) - 0.4)
