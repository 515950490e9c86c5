"""Alt text of figures, for readers who cannot see them."""

from matplotlib.figure import Figure


def describe(figure: Figure) -> str:
    """Describes a figure by its caption, axes, panels and lines."""
    of_figure = [figure.get_suptitle(), _axes_of(figure)]
    shown = [axes for axes in figure.axes if axes.axison]
    titles = [axes.get_title() for axes in shown if axes.get_title()]
    if titles:
        of_figure.append(f"Panels: {', '.join(titles)}")
    lines = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    if lines:
        of_figure.append(f"Lines: {', '.join(lines)}")
    return ". ".join(" ".join(part.split()) for part in of_figure if part) + "."


def _axes_of(figure):
    down = figure.get_supylabel() or figure.axes[0].get_ylabel()
    # Panels above one another share the label below the last one.
    below = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    across = figure.get_supxlabel() or "".join(below[-1:])
    return f"{down} over {across}" if down and across else down or across
