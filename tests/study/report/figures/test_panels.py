"""Panels with lines, along alpha and of networks; their axes and legends."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from selectax.study.report.figures.captions import caption
from selectax.study.report.figures.panels import (
    alpha_panels,
    draw_lines,
    legend,
    line_panels,
    panels,
)
from selectax.study.report.figures.style import STYLE, line_styles
from selectax.study.report.figures.ticks import fractions_on

STRENGTHS = (100, 30, 10, 5, 2, 1, 0.7, 0.4, 0.3, 0.2, 0.1)
PAPER = [0.0, *(s * a for s in (-1, 1) for a in STRENGTHS)]
DEFAULT = [-1.0, 0.0, 1.0]


def test_lines_have_the_means_and_bands_the_intervals():
    summary = pd.DataFrame(
        {
            **{"alpha": [-1.0, -1.0, 1.0, 1.0], "epsilon": [0.0, 2.0, 0.0, 2.0]},
            **{"mean": [0.9, 0.5, 0.8, 0.6], "low": [0.8, 0.4, 0.75, 0.5]},
            **{"high": [1.0, 0.6, 0.85, 0.7], "seeds": 3},
        }
    )
    axes = Figure().subplots()
    styles = line_styles([-1.0, 1.0])
    draw_lines(axes, summary, "epsilon", styles)
    for line, band, alpha in zip(axes.lines, axes.collections, (-1.0, 1.0), strict=True):
        of_alpha = summary[summary["alpha"] == alpha]
        np.testing.assert_array_equal(line.get_xydata(), of_alpha[["epsilon", "mean"]])
        assert line.get_color() == styles[alpha]["color"]
        corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
        for side in ("low", "high"):
            assert corners >= {tuple(point) for point in of_alpha[["epsilon", side]].to_numpy()}


def test_panels_share_axes_and_lie_row_by_row():
    figure, axes = panels(["a", "b", "c", "d", "e"], columns=2, size=(2, 2))
    assert [each.get_title() for each in axes] == ["a", "b", "c", "d", "e"]
    assert len(figure.axes) == 5
    corners = [
        (round(each.get_position().x0, 3), -round(each.get_position().y0, 3)) for each in axes
    ]
    assert corners == sorted(corners, key=lambda corner: corner[::-1])
    fractions_on(axes[4].yaxis)
    assert axes[0].get_ylim() == pytest.approx((-0.02, 1.02))
    # Only where no panel lies below: under d and e.
    figure.canvas.draw()
    assert [each.xaxis.get_tick_params()["labelbottom"] for each in axes] == [
        *(False, False, False, True, True)
    ]


@pytest.mark.parametrize(
    ("number", "columns", "used"), [(4, 3, 2), (5, 3, 3), (7, 4, 4), (9, 4, 3), (20, 5, 5)]
)
def test_panels_leave_few_empty_places(number, columns, used):
    figure, axes = panels([str(at) for at in range(number)], columns=columns, size=(1, 1))
    assert axes[0].get_gridspec().ncols == used
    assert len(figure.axes) == number


def test_panels_may_have_values_of_their_own():
    _, (one, other) = panels(["a", "b"], columns=2, size=(1, 1), share_values=False)
    one.set_ylim(0, 5)
    one.set_xlim(0, 7)
    assert other.get_ylim() == (0, 1)
    assert other.get_xlim() == (0, 7)


def networks_of(alphas, seeds=3):
    return pd.DataFrame(
        [
            {
                **{"model": "resnet8", "dataset": "digits", "metric": "accuracy"},
                **{"alpha": alpha, "seed": seed, "value": alpha / 10 + 0.01 * seed},
            }
            for alpha in alphas
            for seed in range(seeds)
        ]
    )


def test_many_alphas_are_on_a_scale_that_parts_them_and_ticks_that_do_not_touch():
    table = networks_of(PAPER)
    figure, (axes,) = alpha_panels(table, {"": table})
    assert axes.get_xscale() == "symlog"
    assert "logarithmic beyond ±0.1" in figure.get_supxlabel()
    figure.set_layout_engine("constrained")
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.get_xticklabels()]
    assert len(boxes) >= 7
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(sorted_by_place(boxes)))
    places = np.array([axes.transData.transform((alpha, 0))[0] for alpha in sorted(PAPER)])
    assert np.diff(places).min() > 3
    assert places[len(PAPER) // 2] == pytest.approx((places[0] + places[-1]) / 2)


@matplotlib.rc_context(STYLE)
def test_a_legend_of_many_alphas_is_within_the_figure():
    figure, (axes,) = panels(["a"], columns=1, size=(3.6, 2.2))
    width = figure.get_figwidth()
    legend(figure, line_styles(PAPER), {"label": "two\nlines", "color": "grey"})
    caption(figure, networks_of(PAPER), *["many words"] * 12)
    figure.draw_without_rendering()
    (beside,) = figure.legends
    box, whole = beside.get_window_extent(), figure.bbox
    assert whole.y0 <= box.y0 < box.y1 <= whole.y1
    assert axes.get_window_extent().x1 < box.x0
    assert figure._suptitle.get_window_extent().x1 < box.x0
    assert figure.get_figwidth() > width + 1
    few, _ = panels(["a"], columns=1, size=(3.6, 2.2))
    legend(few, line_styles(DEFAULT))
    assert few.get_figwidth() == width


def sorted_by_place(boxes):
    return sorted(boxes, key=lambda box: box.x0)


def test_few_alphas_are_on_a_linear_scale():
    table = networks_of(DEFAULT)
    figure, (axes,) = alpha_panels(table, {"": table})
    assert axes.get_xscale() == "linear"
    assert "logarithmic" not in figure.get_supxlabel()


@matplotlib.rc_context(STYLE)
def test_a_caption_does_not_run_into_the_legend():
    table = networks_of(DEFAULT).assign(steps=1)
    figure, _ = line_panels(table, {"a": table, "b": table}, "steps", columns=2, size=(1.7, 1.6))
    caption(
        figure,
        table,
        "means over 3 seeds with 95 % bootstrap interval",
        "diverged, not shown: 1 of 2",
    )
    figure.canvas.draw()
    (drawn,) = figure.legends
    text = next(text for text in figure.texts if text.get_text().startswith("resnet8"))
    assert text.get_window_extent().x1 < drawn.get_window_extent().x0


def test_legend_has_each_alpha_with_the_largest_on_top():
    figure = Figure(layout="constrained")
    figure.subplots()
    legend(figure, line_styles([-1.0, 0.5, 0.0]))
    (drawn,) = figure.legends
    assert [text.get_text() for text in drawn.get_texts()] == ["α = 0.5", "α = 0", "α = −1"]
