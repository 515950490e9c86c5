"""Lines of accuracies have the right means."""

import numpy as np
import pytest

from selectax.study.report import figures
from selectax.study.report.figures.robustness import robust_accuracy_by_epsilon
from selectax.study.report.published import PUBLISHED
from selectax.study.run import results
from tests.study.report.known import (
    ALPHAS,
    ATTACKS,
    EPSILONS,
    UNITS,
    accuracy_under,
    assert_lines,
    assert_means,
    by_title,
    lines,
    robust_accuracy,
)


def test_clean_accuracy_by_alpha(drawn):
    (axes,) = drawn["clean_accuracy_by_alpha"].axes
    assert_means(axes, 0.8)


def test_a_missing_value_is_no_point(full):
    table = full.copy()
    is_one = (table["metric"] == "accuracy") & (table["perturbation"] == "") & (table["seed"] == 2)
    table.loc[is_one, "value"] = np.nan
    figure = figures.clean_accuracy_by_alpha(table)
    expected = [(alpha, 0.795 + 0.02 * alpha) for alpha in ALPHAS]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), expected)
    assert "means over 2 seeds with range" in figure.get_suptitle().replace("\n", " ")


def test_perturbed_accuracy_by_alpha_is_of_means_over_strengths(drawn):
    panels = by_title(drawn["perturbed_accuracy_by_alpha"])
    epsilon = np.mean(EPSILONS[1:])
    means = {
        # Of 0.9 and 0.7 less 0.1 a severity; relative to clean ones 0.3 and 0.1 a severity.
        "2 corruptions, mean over severities": 0.5,
        "2 corruptions, relative to clean images": 0.6,
        "FGSM, mean over ε": robust_accuracy("fgsm", 1, epsilon),
        "PGD, 10 steps, mean over ε": robust_accuracy("pgd", 10, epsilon),
    }
    assert list(panels) == list(means)
    for title, mean in means.items():
        assert_means(panels[title], mean)


@pytest.mark.parametrize(
    ("kept", "titles"),
    [
        ("contrast", ["contrast, mean over severities", "contrast, relative to clean images"]),
        ("fgsm", ["FGSM, mean over ε"]),
        ("pgd", ["PGD, 10 steps, mean over ε"]),
    ],
)
def test_perturbed_accuracy_of_one_perturbation(full, kept, titles):
    figure = figures.perturbed_accuracy_by_alpha(full[full["perturbation"] == kept])
    assert [axes.get_title() for axes in figure.axes] == titles


def test_robustness_by_selectivity_has_a_mark_for_each_network(drawn):
    panels = by_title(drawn["robustness_by_selectivity"])
    epsilon = np.mean(EPSILONS[1:])
    means = {
        "corruptions, mean over all and severities": 0.12,
        "PGD, mean over ε": robust_accuracy("pgd", 10, epsilon),
    }
    assert list(panels) == list(means)
    for title, mean in means.items():
        found = {
            line.get_label(): line.get_xydata()
            for line in panels[title].lines
            if len(line.get_xydata())
        }
        assert list(found) == [f"α = {text}" for text in ("−1", "0", "1")]
        for alpha, marks in zip(ALPHAS, found.values(), strict=True):
            aside = 0.01 * np.array([-1, 0, 1]) + 0.02 * alpha
            np.testing.assert_allclose(marks, np.stack([0.4 + aside, mean + aside], -1))


def test_the_published_figure_is_behind_networks_of_its_data_set(full):
    table = full.assign(
        dataset=np.where(full["severity"].notna(), "tiny_imagenet_c", "tiny_imagenet")
    )
    figure = figures.accuracy_by_selectivity(table, UNITS)
    points = PUBLISHED["tiny_imagenet"].points()
    baselines = {
        "accuracy on clean images": (0, 0),
        "accuracy minus the mean at α = 0": (0.8, 0.516),
    }
    panels = by_title(figure)
    assert list(panels) == list(baselines)
    for title, (of_networks, of_points) in baselines.items():
        *marks, behind = panels[title].lines
        for alpha, line in zip(ALPHAS, marks, strict=True):
            aside = 0.01 * np.array([-1, 0, 1]) + 0.02 * alpha
            expected = np.stack([0.4 + aside, 0.8 + aside - of_networks], -1)
            np.testing.assert_allclose(line.get_xydata(), expected, atol=1e-12)
            assert line.get_zorder() > behind.get_zorder()
        expected = np.stack([points["selectivity"], points["accuracy"] - of_points], -1)
        np.testing.assert_allclose(behind.get_xydata(), expected, atol=1e-12)
        named = {text.get_text(): text.xy for text in panels[title].texts}
        np.testing.assert_allclose(named["−2"], (0.154, 0.531 - of_points))
    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text().startswith("read off the author's figure")
    assert len(legend.get_texts()) == 4


def test_only_standard_networks_are_before_the_published_figure(full):
    table = full.assign(dataset="tiny_imagenet", training="augmix", training_strength=0.0)
    table.loc[table["seed"] == 2, "training_strength"] = 3.0
    for axes in figures.accuracy_by_selectivity(table, UNITS).axes:
        assert [len(line.get_xydata()) for line in axes.lines[:-1]] == [2, 2, 2]


def test_no_figure_of_other_data_sets_is_published(full):
    assert figures.accuracy_by_selectivity(full, UNITS) is None
    without_baseline = full[full["alpha"] != 0].assign(dataset="tiny_imagenet")
    (axes,) = figures.accuracy_by_selectivity(without_baseline, UNITS).axes
    assert axes.get_title() == "accuracy on clean images"


def test_accuracy_by_severity_begins_with_clean_images(drawn):
    panels = by_title(drawn["accuracy_by_severity"])
    assert list(panels) == ["mean of 2 corruptions", "contrast", "pixelate"]
    for name in ("contrast", "pixelate"):

        def mean(severity, name=name):
            return accuracy_under(name, severity) if severity else 0.8

        assert_lines(panels[name], range(6), mean)
    assert_lines(
        panels["mean of 2 corruptions"], range(6), lambda at: 0.8 - 0.1 * at if at else 0.8
    )


def test_networks_that_are_not_corrupted_yet_are_in_no_line(full):
    half_done = full[full["severity"].isna() | (full["alpha"] == 0)]
    for axes in figures.accuracy_by_severity(half_done).axes:
        assert set(lines(axes)) == {0.0}


def test_robust_accuracy_by_epsilon_has_a_panel_for_each_attack_and_steps(drawn):
    panels = by_title(drawn["robust_accuracy_by_epsilon"])
    assert list(panels) == ["FGSM", "PGD, 1 step", "PGD, 10 steps"]
    for axes, (name, steps) in zip(panels.values(), ATTACKS, strict=True):

        def mean(epsilon, name=name, steps=steps):
            return robust_accuracy(name, steps, epsilon / 255)

        assert_lines(axes, [0, 2, 8], mean)


def test_attacks_of_equally_many_steps_have_a_panel_each():
    whose = {"dataset": "digits", "model": "resnet8", "alpha": 0.0, "seed": 0, "epoch": 1}
    table = results.table(
        {**whose, "metric": "accuracy", "perturbation": name, "steps": 10}
        | {"epsilon": epsilon / 255, "value": value}
        for name, value in (("mi_fgsm", 0.2), ("pgd", 0.1))
        for epsilon in (2, 8)
    )
    panels = by_title(robust_accuracy_by_epsilon(table))
    assert list(panels) == ["MI-FGSM, 10 steps", "PGD, 10 steps"]


def test_robust_accuracy_by_steps_has_a_panel_for_each_epsilon(drawn):
    panels = by_title(drawn["robust_accuracy_by_steps"])
    assert list(panels) == ["ε = 2/255", "ε = 8/255"]
    for axes, epsilon in zip(panels.values(), EPSILONS[1:], strict=True):

        def mean(steps, epsilon=epsilon):
            return robust_accuracy("pgd", steps, epsilon)

        assert_lines(axes, [1, 10], mean)
        assert axes.get_xscale() == "log"
