"""Dimensionality by layer: of what its panels are."""

import numpy as np
import pandas as pd
import pytest

from selectax.study.report import figures
from tests.study.report.known import ALPHAS, UNITS, by_title, lines

PANELS = {
    "clean": 4,
    "perturbed: corruptions, mean over severities": 6,
    "difference: corruptions, mean over severities": 8,
    "perturbed: PGD, mean over ε": 10,
    "difference: PGD, mean over ε": 12,
}


def assert_panels(figure):
    panels = by_title(figure)
    assert set(panels) - {""} == set(PANELS)
    for title, components in PANELS.items():
        found = lines(panels[title])
        assert set(found) == set(ALPHAS)
        for alpha, points in found.items():
            expected = [
                (depth, (components + depth + 0.02 * alpha) / units)
                for depth, units in enumerate(UNITS.values())
            ]
            np.testing.assert_allclose(points, expected)


def test_dimensionality_by_layer_is_a_fraction_of_units_in_order_of_depth(drawn):
    figure = drawn["dimensionality_by_layer"]
    assert_panels(figure)
    # The lowest panel shows the names for all.
    names = by_title(figure)["difference: PGD, mean over ε"].get_xticklabels()
    assert [text.get_text() for text in names] == list(UNITS)


def test_of_pgd_the_most_steps_are_taken(full):
    is_pgd = (full["metric"] == "dimensionality_95") & full["perturbation"].str.endswith("pgd")
    fewer = full[is_pgd].assign(steps=1, value=0.5).astype({"steps": "Int64"})
    assert_panels(figures.dimensionality_by_layer(pd.concat([full, fewer]), UNITS))


@pytest.mark.parametrize("kept", ["", "contrast", "pgd"])
def test_dimensionality_of_some_perturbations_alone(full, kept):
    of_kept = full["perturbation"].isin({"", kept, f"difference:{kept}"})
    figure = figures.dimensionality_by_layer(full[of_kept], UNITS)
    drawn_panels = [axes for axes in figure.axes if axes.lines]
    assert len(drawn_panels) == (3 if kept else 1)
    for axes in drawn_panels:
        assert set(lines(axes)) == set(ALPHAS)
