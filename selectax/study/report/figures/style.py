"""The look of all figures: matplotlib's settings, the line of each alpha, and numbers as text.

Colour and line style show the sign of alpha, colour and marker its magnitude, so figures can be
read without colours.
"""

from collections.abc import Iterable
from typing import Any

import matplotlib
from matplotlib.colors import LinearSegmentedColormap, to_hex

# Start from the defaults, so that the user's matplotlibrc has no effect. The backend is not used.
_DEFAULTS = {
    name: value for name, value in matplotlib.rcParamsDefault.items() if "backend" not in name
}
STYLE: Any = {  # matplotlib's own type lists every key
    **_DEFAULTS,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.labelsize": 9,
    "figure.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    # Embed TrueType fonts, so that text can be edited and searched, as journals require.
    "pdf.fonttype": 42,
}
_CENTRE = "#262626"
_NEGATIVE = LinearSegmentedColormap.from_list("negative", [_CENTRE, "#0b5fa5", "#45b0f5"])
_POSITIVE = LinearSegmentedColormap.from_list("positive", [_CENTRE, "#b83a00", "#f7931e"])
_MARKERS = "s^DvPX<>*phd"


def line_styles(alphas: Iterable[float]) -> dict[float, dict[str, Any]]:
    """The look of the line of each alpha, as arguments of `Axes.plot`.

    Args:
      alphas: all alphas of a table; colours and markers depend on the ranks of their magnitudes.

    Returns:
      Arguments by alpha, in ascending order.
    """
    alphas = sorted(set(alphas))
    magnitudes = sorted({abs(alpha) for alpha in alphas} - {0.0})
    styles = {}
    for alpha in alphas:
        if alpha == 0:
            look = {"color": _CENTRE, "linestyle": "-", "marker": "o", "linewidth": 2, "zorder": 3}
        else:
            rank = magnitudes.index(abs(alpha))
            # Start at a third, so that the colours of weak negative and positive alphas differ.
            strength = 1 / 3 + 2 / 3 * (rank + 1) / len(magnitudes)
            look = {
                "color": to_hex((_NEGATIVE if alpha < 0 else _POSITIVE)(strength)),
                "linestyle": (0, (4, 1.5)) if alpha < 0 else (0, (5, 1.2, 1, 1.2)),
                "marker": _MARKERS[rank % len(_MARKERS)],
            }
        styles[alpha] = look | {"label": f"α = {number_text(alpha)}"}
    return styles


def number_text(value: float) -> str:
    """A number in its shortest form, with a true minus sign."""
    return f"{value:g}".replace("-", "−")
