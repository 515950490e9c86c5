"""A sheet of images before and after perturbations."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from selectax.study.report.figures.captions import write_caption
from selectax.study.report.figures.style import STYLE, number_text

SHEET_TITLE = "Test images, clean, corrupted and attacked, with the differences."
_WRONG = "#b83a00"
_ROW_INCHES, _COLUMN_INCHES = 1.35, 1.3
# The largest of these that keeps the difference within half the range is used.
_AMPLIFICATIONS = np.array([0.5, *(step * ten for ten in (1, 10, 100) for step in (1, 2, 5))])


@matplotlib.rc_context(STYLE)
def image_sheet(
    images: Mapping[str, Float[np.ndarray, "samples height width channels"]],
    predictions: Mapping[str, Int[np.ndarray, "samples"]],
    labels: Int[np.ndarray, "samples"],
    class_names: Sequence[str],
    *,
    caption: str = "",
) -> Figure:
    """Draws clean images, perturbed ones and the differences, with the predicted classes.

    Args:
      images: images in [0, 1] with 1 or 3 channels, by the titles of their columns; the clean ones
        first.
      predictions: predicted classes, by the same titles.
      labels: true classes.
      class_names: names of the classes, in the order of the labels.
      caption: caption of the sheet.

    Returns:
      A figure with one row an image. Next to each perturbed column is its difference from the clean
      one, amplified by the factor in its title; grey is no difference.
    """
    (clean_title, clean), *perturbed = images.items()
    columns: list[tuple[str, Any, Any]] = [(clean_title, clean, predictions[clean_title])]
    for title, there in perturbed:
        difference = there - clean
        factor = amplification(difference)
        columns.append((title, there, predictions[title]))
        columns.append((f"difference\n× {number_text(factor)}", 0.5 + factor * difference, None))
    size = (len(columns) * _COLUMN_INCHES, len(labels) * _ROW_INCHES + 0.6)
    figure = Figure(figsize=size)
    grid = figure.subplots(len(labels), len(columns), squeeze=False)
    for at_column, (title, shown, predicted) in enumerate(columns):
        for at_row, axes in enumerate(grid[:, at_column]):
            axes.imshow(np.clip(shown[at_row], 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
            if predicted is not None:
                _name_classes(axes, class_names, predicted[at_row], labels[at_row])
        grid[0, at_column].annotate(
            title,
            (0.5, 1),
            (0, 22),
            "axes fraction",
            "offset points",
            ha="center",
            fontsize=8,
            weight="bold",
        )
    write_caption(figure, caption, size[0])
    return figure


def amplification(difference: Float[np.ndarray, "*shape"]) -> float:
    """A round factor that keeps amplified differences within half the range; 1 without any."""
    largest = float(np.max(np.abs(difference), initial=0))
    if largest == 0:
        return 1
    fitting = _AMPLIFICATIONS[_AMPLIFICATIONS * largest <= 0.5 + 1e-6]
    return float(max(fitting, default=0.5))


def _name_classes(axes: Axes, class_names: Sequence[str], predicted: int, true: int) -> None:
    """Writes the predicted class above an image, and the true class if it differs."""

    def line(words, label):
        # The first of several synonyms, as WordNet has them.
        first, *_ = class_names[label].split(",")
        return textwrap.shorten(f"{words}{first}", 22, placeholder="…")

    if predicted == true:
        axes.set_title(line("", predicted), fontsize=7, pad=3)
    else:
        text = f"{line('', predicted)}\n{line('not ', true)}"
        axes.set_title(text, fontsize=7, pad=3, color=_WRONG, weight="bold")
