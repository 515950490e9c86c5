"""Figures of training for robustness show what is planted, and other figures only the rest."""

import numpy as np
import pandas as pd
import pytest

from selectax.study.report import figures
from selectax.study.report.per_network import per_network
from tests.study.planted import STRENGTHS, UNITS, planted_table, planted_training

METHODS = ("adversarial", "augmix")
# Selectivity at each strength, as planted.
PLANTED = {"adversarial": (0.3, 0.38, 0.5, 0.7), "augmix": (0.3, 0.2, 0.05, 0.01)}


@pytest.fixture(scope="module")
def trained():
    standard = planted_table(noise=0).assign(training="adversarial", training_strength=0.0)
    tables = [standard, *(planted_training(method, noise=0) for method in METHODS)]
    first_layer = pd.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True)
    rows = first_layer["metric"].eq("class_selectivity") & first_layer["layer"].eq("layer1")
    first_layer.loc[rows, "value"] /= 2
    return first_layer


def test_selectivity_by_strength_has_a_panel_a_method_and_a_line_a_layer(trained):
    figure = figures.selectivity_by_strength(trained, UNITS)
    assert [axes.get_title() for axes in figure.axes] == list(METHODS)
    for axes in figure.axes:
        lines = {line.get_label(): line.get_xydata() for line in axes.lines}
        assert list(lines) == [*UNITS, "whole network"]
        for label, points in lines.items():
            values = np.array(PLANTED[axes.get_title()]) / (2 if label == "layer1" else 1)
            np.testing.assert_allclose(points, np.stack([STRENGTHS, values], -1), atol=1e-12)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["whole network", *UNITS]


def test_robustness_of_all_methods_has_a_mark_a_network(trained):
    figure = figures.robustness_by_selectivity_of_methods(trained, UNITS)
    networks = per_network(trained, UNITS)
    looks = ["standard, α = 0", "standard, α < 0", "standard, α > 0"]
    looks += [f"{method}, {strength:g}" for method in METHODS for strength in STRENGTHS[1:]]
    for axes, column in zip(figure.axes, ("relative", "pgd_log2"), strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines) == looks
        assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == len(looks)
        for label, line in lines.items():
            training, which = label.split(", ")
            of = networks[networks["training"] == training]
            if training == "standard":
                sign = {"α = 0": 0, "α < 0": -1, "α > 0": 1}[which]
                of = of[np.sign(of["alpha"]) == sign]
            else:
                of = of[of["training_strength"] == float(which)]
            assert len(of) == {0: 12, 1: 4}[training != "standard" or sign == 0]
            np.testing.assert_allclose(line.get_xydata(), of[["selectivity", column]].to_numpy())
    assert "52 networks" in figure.get_suptitle()


def test_without_networks_trained_for_robustness_there_is_no_such_figure():
    for table in (
        planted_table(alphas=(0.0,), seeds=1),
        planted_table(alphas=(0.0, 1.0), seeds=1).assign(training="augmix", training_strength=0.0),
    ):
        assert figures.selectivity_by_strength(table, UNITS) is None
        assert figures.robustness_by_selectivity_of_methods(table, UNITS) is None


def test_other_figures_leave_these_networks_out(trained):
    plain = trained[trained["training_strength"] == 0].drop(
        columns=["training", "training_strength"]
    )
    plain = plain.drop_duplicates(ignore_index=True)
    wanted = ("selectivity_by_alpha", "robustness_by_selectivity")
    entries = {name: figures.FIGURES[name] for name in wanted}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "FIGURES", entries)
        mixed, alone = (figures.draw_all(table, UNITS) for table in (trained, plain))
    for name in wanted:
        for axes, expected in zip(mixed[name].axes, alone[name].axes, strict=True):
            points = [line.get_xydata() for line in axes.lines]
            for found, line in zip(points, expected.lines, strict=True):
                np.testing.assert_array_equal(found, line.get_xydata())
