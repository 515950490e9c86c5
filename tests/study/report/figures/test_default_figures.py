"""A metric that no figure knows, such as one of a user's own measure, gets default figures."""

import pandas as pd
import pytest

from selectax.study.report import figures
from selectax.study.report.figures.registry import other_metrics
from tests.study.report.known import UNITS, assert_lines, assert_means, by_title

DESCRIPTION = {"sparsity": "fraction of zeros, 0 to 1; mean over units"}


@pytest.fixture(scope="module")
def own(full):
    return full[full["metric"].str.startswith("input_gradient_cv")].replace(
        {"input_gradient_cv": "sparsity", "input_gradient_cv_over_units": "train_loss"}
    )


def test_it_is_drawn_by_alpha_and_by_layer(own):
    found = figures.draw_all(own, UNITS, DESCRIPTION)
    assert list(found) == ["sparsity_by_alpha", "sparsity_by_layer"]
    by_alpha, by_layer = found.values()
    assert_means(by_alpha.axes[0], 0.6)
    assert_lines(by_layer.axes[0], range(3), lambda depth: 0.2 + depth)
    for figure in found.values():
        assert figure.get_supylabel() == "sparsity\n(fraction of zeros, 0 to 1)"


def test_without_layers_or_a_description_it_is_drawn_all_the_same(own):
    (figure,) = figures.draw_all(own[own["layer"] == ""], UNITS).values()
    assert figure.get_supylabel() == "sparsity"


def test_each_perturbation_has_a_panel(own):
    fog = own.assign(perturbation="fog_at_night", value=own["value"] + 0.1)
    both = figures.draw_all(pd.concat([own, fog]), UNITS)
    panels = by_title(both["sparsity_by_alpha"])
    assert list(panels) == ["clean", "fog at night"]
    assert_means(panels["clean"], 0.6)
    assert_means(panels["fog at night"], 0.7)


def test_a_layer_that_the_model_lacks_is_drawn_after_the_others(own):
    """Such as the logits, which a measure of one's own may describe."""
    logits = own.replace({"layer": {"stem": "logits"}})
    axes = figures.draw_all(logits, UNITS)["sparsity_by_layer"].axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == [*UNITS, "logits"]
    assert_lines(axes, [1, 2, 3], lambda depth: 0.2 + depth % 3)


@pytest.mark.parametrize("metric", ["selectivity", "dimensionality"])
def test_a_metric_with_the_name_of_a_figure_replaces_none(own, full, drawn, metric):
    named = own[own["metric"] == "sparsity"].replace({"sparsity": metric})
    found = figures.draw_all(pd.concat([full, named]), UNITS)
    assert set(found) == {*drawn, f"own_{metric}_by_alpha", f"own_{metric}_by_layer"}
    assert_means(found[f"own_{metric}_by_alpha"].axes[0], 0.6)


def test_a_metric_with_a_slash_has_a_file_in_the_folder(own, tmp_path):
    found = figures.draw_all(own.replace({"sparsity": "zeros/unit (%)"}), UNITS)
    assert list(found) == ["zeros_unit_____by_alpha", "zeros_unit_____by_layer"]
    assert {path.parent for path in figures.save(found, tmp_path)} == {tmp_path}


def test_metrics_of_other_figures_are_not_drawn_again(full):
    assert other_metrics(full) == []


def test_titles_are_sentences():
    assert figures.title_of("sparsity_by_layer") == "Sparsity in each layer."
    assert figures.title_of("selectivity_by_layer") == figures.FIGURES["selectivity_by_layer"].title
    for name in figures.FIGURES:
        assert figures.title_of(name).endswith(".")
