"""Means by alpha, and violins whose widths are those of the distribution."""

import numpy as np
import pytest
from scipy import stats

from selectax.study.report.figures.selectivity import density, selectivity_by_layer
from tests.study.report.figures.known import ALPHAS, UNITS, assert_means, decile_of_selectivity

EVEN = np.linspace(0.2, 0.8, 11)


def test_selectivity_by_alpha_is_of_networks(drawn):
    (axes,) = drawn["selectivity_by_alpha"].axes
    assert_means(axes, 0.4)
    assert axes.get_ylim()[0] == 0
    # t(0.975, 2) = 4.302653, the deviation over seeds is 0.01.
    half = 4.302653 * 0.01 / np.sqrt(3)
    for bar, alpha in zip(axes.collections[1:], ALPHAS, strict=True):
        ((low, high),) = (segment[:, 1] for segment in bar.get_segments())
        assert bar.get_segments()[0][0, 0] == alpha
        mean = 0.4 + 0.02 * alpha
        np.testing.assert_allclose([low, high], [mean - half, mean + half], rtol=1e-6)


def test_selectivity_by_layer_has_a_panel_an_alpha_and_a_violin_a_layer(drawn):
    figure = drawn["selectivity_by_layer"]
    assert [axes.get_title() for axes in figure.axes] == ["α = −1", "α = 0", "α = 1"]
    for axes, alpha in zip(figure.axes, ALPHAS, strict=True):
        violins = [patch.get_paths()[0].vertices for patch in axes.collections[::2]]
        assert len(violins) == len(UNITS)
        for depth, violin in enumerate(violins):
            least, largest = (decile_of_selectivity(depth, at) + 0.02 * alpha for at in (0, 10))
            values, sides = violin[:, 1], violin[:, 0]
            np.testing.assert_allclose([values.min(), values.max()], [least, largest])
            # As wide to the left as to the right, and no wider than its place.
            np.testing.assert_allclose(sides.min() + sides.max(), 2 * depth, atol=1e-9)
            np.testing.assert_allclose(sides.max(), depth + 0.45)
        (medians,) = axes.lines
        expected = [(depth, decile_of_selectivity(depth, 5) + 0.02 * alpha) for depth in range(3)]
        np.testing.assert_allclose(medians.get_xydata(), expected)
        assert axes.get_xlim() == (-0.6, 2.6)


def test_a_layer_of_units_that_are_all_alike_is_a_line(full):
    of_deciles = full["metric"].str.contains("decile")
    alike = full.assign(value=full["value"].where(~of_deciles, 0.0))
    for axes in selectivity_by_layer(alike, UNITS).axes:
        vertices = axes.collections[0].get_paths()[0].vertices
        assert np.all(np.isfinite(vertices))
        assert np.ptp(vertices[:, 1]) == 0


@pytest.mark.parametrize("quantiles", [EVEN, np.sqrt(EVEN), np.array([0, 0, 0, 0.1, 0.5, 0.9])])
def test_density_has_an_integral_of_1(quantiles):
    places = np.linspace(-1, 2, 4001)
    found = density(places, quantiles)
    assert np.all(found >= 0)
    np.testing.assert_allclose(np.trapezoid(found, places), 1, rtol=1e-4)


def test_density_of_even_quantiles_is_even():
    # Far from the ends a kernel's width of 0.06 shows nothing of them.
    np.testing.assert_allclose(density(np.array([0.45, 0.5, 0.55]), EVEN), 1 / 0.6, rtol=1e-3)


def test_density_of_normal_quantiles_is_nearly_normal():
    normal = stats.norm(0.5, 0.1)
    quantiles = normal.ppf(np.clip(np.linspace(0, 1, 11), 0.01, 0.99))
    places = np.linspace(0.35, 0.65, 21)
    # The kernels make it wider.
    smooth = stats.norm(0.5, np.hypot(0.1, np.ptp(quantiles) / 10))
    np.testing.assert_allclose(density(places, quantiles), smooth.pdf(places), rtol=0.1)
