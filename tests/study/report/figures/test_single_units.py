"""Input gradients and ablation: means, shares and areas."""

import pytest

from selectax.study.report import figures
from tests.study.report.known import ORDERS, UNITS, assert_lines, assert_means, by_title


def test_input_gradients_by_alpha_are_of_networks(drawn):
    panels = by_title(drawn["input_gradients_by_alpha"])
    assert list(panels) == ["over samples, mean of units", "over units"]
    assert_means(panels["over samples, mean of units"], 0.6)
    assert_means(panels["over units"], 0.5)


def test_input_gradients_by_layer_are_in_order_of_depth(drawn):
    panels = by_title(drawn["input_gradients_by_layer"])
    assert_lines(panels["over samples, mean of units"], range(3), lambda depth: 0.2 + depth)
    assert_lines(panels["over units"], range(3), lambda depth: 0.4 + depth)


def test_one_kind_of_variation_alone(full):
    samples = full[full["metric"] == "input_gradient_cv"]
    for figure in (
        figures.input_gradients_by_alpha(samples),
        figures.input_gradients_by_layer(samples, UNITS),
    ):
        assert [axes.get_title() for axes in figure.axes] == ["over samples, mean of units"]


def test_ablation_is_over_the_share_of_all_units(drawn):
    panels = by_title(drawn["accuracy_by_ablation"])
    assert list(panels) == list(ORDERS)
    for order, lower in ORDERS.items():

        def mean(share, lower=lower):
            return 0.8 + lower - 0.64 * share

        assert_lines(panels[order], [0, 0.25, 1], mean)


def test_ablation_of_layers_is_the_area_under_the_curve(drawn):
    panels = by_title(drawn["accuracy_by_ablated_layer"])
    assert list(panels) == list(ORDERS)
    for order, lower in ORDERS.items():
        # 0.8 at none, 0.6 at a quarter, 0.2 at all: a quarter of 0.7 and three of 0.4.
        def mean(depth, lower=lower):
            return 0.25 * 0.7 + 0.75 * 0.4 + lower - 0.05 * depth

        assert_lines(panels[order], range(3), mean)


@pytest.mark.parametrize("order", ORDERS)
def test_one_order_alone(full, order):
    of_order = full[full["perturbation"] == f"ablation:{order.replace(' ', '_')}"]
    for figure in (
        figures.accuracy_by_ablation(of_order, UNITS),
        figures.accuracy_by_ablated_layer(of_order, UNITS),
    ):
        assert [axes.get_title() for axes in figure.axes] == [order]
