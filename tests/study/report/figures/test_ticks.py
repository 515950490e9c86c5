"""Ticks at fractions and at the values themselves."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from selectax.study.report.figures.panels import panels
from selectax.study.report.figures.ticks import fractions_on, number_ticks


@pytest.mark.parametrize(
    ("largest", "end"), [(0, 0.1), (0.1, 0.1), (0.13, 0.2), (0.45, 0.5), (0.51, 1), (1.2, 1)]
)
def test_small_fractions_fill_their_panel(largest, end):
    _, (axes,) = panels(["a"], columns=1, size=(2, 2))
    fractions_on(axes.yaxis, largest)
    assert axes.get_ylim() == pytest.approx((-0.02 * end, 1.02 * end))
    np.testing.assert_allclose(axes.get_yticks(), np.arange(6) / 5 * end)


def test_ticks_are_at_the_values_where_there_is_room():
    axes = Figure().subplots()
    number_ticks(axes, [-1.0, 0.0, 0.001, 1.0, 0.5])
    labels = [text.get_text() for text in axes.get_xticklabels()]
    ticks = dict(zip(axes.get_xticks(), labels, strict=True))
    assert ticks == {-1: "−1", 0: "0", 0.5: "0.5", 1: "1"}
