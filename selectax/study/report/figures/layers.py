"""Panels along a network's layers."""

from collections.abc import Mapping

from matplotlib.axes import Axes


def panel_width(units: Mapping[str, int]) -> float:
    """Inches that layers' names need side by side."""
    return min(max(3.0, 0.6 + 0.14 * len(units)), 7.5)


def layer_ticks(axes: Axes, units: Mapping[str, int]) -> None:
    """Names of the layers at their depths, from 0."""
    names = [layer.replace("_", " ") for layer in units]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_xlim(-0.6, len(names) - 0.4)
