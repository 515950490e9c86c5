"""Means by alpha, and the distribution over units as violins or boxes."""

import numpy as np
import pandas as pd
import pytest

from selectax.study.report.figures.selectivity import dead_units_by_layer, selectivity_by_layer
from tests.study.report.known import (
    ALPHAS,
    UNITS,
    assert_lines,
    assert_means,
    decile_of_selectivity,
)


def test_selectivity_by_alpha_is_of_networks(drawn):
    (axes,) = drawn["selectivity_by_alpha"].axes
    assert_means(axes, 0.4)
    assert axes.get_ylim()[0] == 0
    # The interval of three seeds is their range, 0.01 to both sides.
    for bar, alpha in zip(axes.collections[1:], ALPHAS, strict=True):
        ((low, high),) = (segment[:, 1] for segment in bar.get_segments())
        assert bar.get_segments()[0][0, 0] == alpha
        mean = 0.4 + 0.02 * alpha
        np.testing.assert_allclose([low, high], [mean - 0.01, mean + 0.01], rtol=1e-6)


def test_dead_units_by_layer_are_a_line_for_each_alpha(drawn):
    (axes,) = drawn["dead_units_by_layer"].axes
    assert_lines(axes, range(3), lambda depth: 0.2 + 0.1 * depth)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(UNITS)


def test_a_table_of_an_earlier_version_has_no_dead_units(full):
    assert dead_units_by_layer(full[full["metric"] != "dead_units"], UNITS) is None


@pytest.fixture(scope="module")
def unit_values():
    """Ten units a layer, at the deciles but one, of three seeds."""
    return pd.DataFrame(
        [
            {"alpha": alpha, "seed": seed, "metric": "class_selectivity", "layer": layer}
            | {"value": decile_of_selectivity(depth, at) + 0.02 * alpha + 0.01 * (seed - 1)}
            for alpha in ALPHAS
            for seed in range(3)
            for depth, layer in enumerate(UNITS)
            for at in range(11)
        ]
    )


def test_violins_are_of_the_units_of_all_seeds(full, unit_values):
    figure = selectivity_by_layer(full, UNITS, unit_values)
    assert [axes.get_title() for axes in figure.axes] == ["α = −1", "α = 0", "α = 1"]
    assert "violins: units of all seeds" in figure.get_suptitle().replace("\n", " ")
    for axes, alpha in zip(figure.axes, ALPHAS, strict=True):
        violins = [patch.get_paths()[0].vertices for patch in axes.collections[: len(UNITS)]]
        for depth, violin in enumerate(violins):
            least, largest = (decile_of_selectivity(depth, at) + 0.02 * alpha for at in (0, 10))
            values, sides = violin[:, 1], violin[:, 0]
            extremes = [least - 0.01, largest + 0.01]
            np.testing.assert_allclose([values.min(), values.max()], extremes)
            # As wide to the left as to the right, and no wider than its place.
            np.testing.assert_allclose(sides.min() + sides.max(), 2 * depth, atol=1e-9)
            np.testing.assert_allclose(sides.max(), depth + 0.4)
        assert_medians(axes, alpha)


def test_units_of_a_layer_that_the_model_lacks_are_refused(full, unit_values):
    with pytest.raises(ValueError, match=r"units lacks layer 'stage2'"):
        selectivity_by_layer(full, {"stem": 16, "stage1": 16}, unit_values)


def test_units_of_a_few_networks_do_not_stand_for_all(full, unit_values):
    figure = selectivity_by_layer(full, UNITS, unit_values[unit_values["seed"] > 0])
    assert "boxes: 20 to 80 % of the units" in figure.get_suptitle().replace("\n", " ")


def test_units_that_are_all_alike_are_a_line(full, unit_values):
    for axes in selectivity_by_layer(full, UNITS, unit_values.assign(value=0.0)).axes:
        vertices = axes.collections[0].get_paths()[0].vertices
        assert np.all(np.isfinite(vertices))
        assert np.ptp(vertices[:, 1]) == 0


def assert_medians(axes, alpha):
    medians = axes.lines[-1]
    expected = [(depth, decile_of_selectivity(depth, 5) + 0.02 * alpha) for depth in range(3)]
    np.testing.assert_allclose(medians.get_xydata(), expected)
    intervals = [segment[:, 1] for segment in axes.collections[-1].get_segments()]
    ends = [(at - 0.01, at + 0.01) for _, at in expected]
    np.testing.assert_allclose(intervals, ends, atol=1e-9)
    assert axes.get_xlim() == (-0.6, 2.6)


def test_a_table_with_deciles_alone_has_boxes(drawn):
    figure = drawn["selectivity_by_layer"]
    assert [axes.get_title() for axes in figure.axes] == ["α = −1", "α = 0", "α = 1"]
    for axes, alpha in zip(figure.axes, ALPHAS, strict=True):
        boxes = [patch.get_path().vertices for patch in axes.patches]
        assert len(boxes) == len(UNITS)
        for depth, box in enumerate(boxes):
            ends = [decile_of_selectivity(depth, at) + 0.02 * alpha for at in (2, 8)]
            np.testing.assert_allclose([box[:, 1].min(), box[:, 1].max()], ends)
            whiskers = np.concatenate(
                [line.get_ydata() for line in axes.lines[3 * depth : 3 * depth + 2]]
            )
            ends = [decile_of_selectivity(depth, at) + 0.02 * alpha for at in (0, 10)]
            np.testing.assert_allclose([whiskers.min(), whiskers.max()], ends)
        assert_medians(axes, alpha)
