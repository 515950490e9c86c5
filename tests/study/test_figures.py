"""Each figure from a table with known values: its lines have the right means."""

import itertools

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from selectax.study import figures, results
from selectax.study.plotting import line_styles

ALPHAS, SEEDS = (-1.0, 0.0, 1.0), (0, 1, 2)
UNITS = {"stem": 16, "stage1": 16, "stage2": 32}
EPSILONS = (0.0, 2 / 255, 8 / 255)
ATTACKS = (("fgsm", 1), ("pgd", 1), ("pgd", 10))
DIMENSIONS = {"": 4, "contrast": 6, "difference:contrast": 8, "pgd": 10, "difference:pgd": 12}


def accuracy_under(name, severity):
    return {"contrast": 0.9, "pixelate": 0.7}[name] - 0.1 * severity


def robust_accuracy(name, steps, epsilon):
    return 0.8 - (5 if name == "fgsm" else 6 + steps / 10) * epsilon


def table():
    """Values differ over seeds by their number less 1, which leaves the mean, times a little."""
    rows = []
    for alpha, seed in itertools.product(ALPHAS, SEEDS):
        whose = {"dataset": "digits", "model": "resnet8", "alpha": alpha, "seed": seed}
        aside = 0.01 * (seed - 1) + 0.02 * alpha

        def add(metric, value, whose=whose, aside=aside, **where):
            rows.append({**whose, "epoch": 5, "metric": metric, "value": value + aside, **where})

        add("class_selectivity", 0.4)
        add("class_selectivity", 0.9, layer="stem")
        add("accuracy", 0.8)
        add("train_accuracy", 0.3)
        for name, severity in itertools.product(("contrast", "pixelate"), (1, 2, 3, 4, 5)):
            add("accuracy", accuracy_under(name, severity), perturbation=name, severity=severity)
            add("relative_accuracy", 0.1, perturbation=name, severity=severity)
        for (name, steps), epsilon in itertools.product(ATTACKS, EPSILONS):
            where = {"perturbation": name, "steps": steps, "epsilon": epsilon}
            add("accuracy", robust_accuracy(name, steps, epsilon), **where)
        for depth, layer in enumerate(UNITS):
            for perturbation, components in DIMENSIONS.items():
                strengths = [{}]
                if "contrast" in perturbation:
                    strengths = [{"severity": severity} for severity in (1, 2)]
                elif "pgd" in perturbation:
                    strengths = [{"epsilon": epsilon, "steps": 10} for epsilon in EPSILONS[1:]]
                for number, strength in enumerate(strengths):
                    where = {"layer": layer, "perturbation": perturbation, **strength}
                    # Strengths lie around the mean that is given.
                    around = components + 2 * number - (len(strengths) - 1)
                    add("dimensionality_95", around + depth, **where)
                    add("dimensionality_99", 16, **where)
    return results.table(rows)


@pytest.fixture(scope="module")
def full():
    return table()


@pytest.fixture(scope="module")
def drawn(full):
    return figures.draw_all(full, UNITS)


def lines(axes):
    """Points of each alpha's line, found by its look."""
    looks = {style["color"]: alpha for alpha, style in line_styles(ALPHAS).items()}
    found = {
        looks[to_hex(line.get_color())]: line.get_xydata().astype(float) for line in axes.lines
    }
    assert len(found) == len(axes.lines)
    return found


def assert_lines(axes, along, mean):
    """Lines of all alphas, whose means over seeds are a function of the place."""
    found = lines(axes)
    assert set(found) == set(ALPHAS)
    for alpha, points in found.items():
        expected = [(at, mean(at) + 0.02 * alpha) for at in along]
        np.testing.assert_allclose(points, expected, atol=1e-9)


def by_title(figure):
    return {axes.get_title(): axes for axes in figure.axes}


def test_every_figure_is_drawn(drawn):
    assert list(drawn) == [
        *("selectivity_by_alpha", "clean_accuracy_by_alpha", "accuracy_by_severity"),
        *("robust_accuracy_by_epsilon", "dimensionality_by_layer"),
    ]


@pytest.mark.parametrize(
    ("name", "value"), [("selectivity_by_alpha", 0.4), ("clean_accuracy_by_alpha", 0.8)]
)
def test_means_and_networks_by_alpha(drawn, name, value):
    (axes,) = drawn[name].axes
    expected = [(alpha, value + 0.02 * alpha) for alpha in ALPHAS]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), expected)
    dots = {tuple(np.round(point, 9)) for point in axes.collections[0].get_offsets()}
    assert dots == {
        (alpha, round(value + 0.02 * alpha + 0.01 * (seed - 1), 9))
        for alpha, seed in itertools.product(ALPHAS, SEEDS)
    }
    # t(0.975, 2) = 4.302653, the deviation over seeds is 0.01.
    half = 4.302653 * 0.01 / np.sqrt(3)
    for bar, (alpha, mean) in zip(axes.collections[1:], expected, strict=True):
        ((low, high),) = (segment[:, 1] for segment in bar.get_segments())
        assert bar.get_segments()[0][0, 0] == alpha
        np.testing.assert_allclose([low, high], [mean - half, mean + half], rtol=1e-6)


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


def test_robust_accuracy_by_epsilon_has_a_panel_for_each_attack_and_steps(drawn):
    panels = by_title(drawn["robust_accuracy_by_epsilon"])
    assert list(panels) == ["FGSM", "PGD, 1 steps", "PGD, 10 steps"]
    for axes, (name, steps) in zip(panels.values(), ATTACKS, strict=True):

        def mean(epsilon, name=name, steps=steps):
            return robust_accuracy(name, steps, epsilon / 255)

        assert_lines(axes, [0, 2, 8], mean)


def test_dimensionality_by_layer_is_a_fraction_of_units_in_order_of_depth(drawn):
    panels = by_title(drawn["dimensionality_by_layer"])
    of_panels = {
        "clean": 4,
        "perturbed: corruptions, mean over severities": 6,
        "difference: corruptions, mean over severities": 8,
        "perturbed: PGD, mean over ε": 10,
        "difference: PGD, mean over ε": 12,
    }
    assert set(panels) - {""} == set(of_panels)
    for title, components in of_panels.items():
        found = lines(panels[title])
        for alpha, points in found.items():
            expected = [
                (depth, (components + depth + 0.02 * alpha) / units)
                for depth, units in enumerate(UNITS.values())
            ]
            np.testing.assert_allclose(points, expected)
    # The lowest panel shows the names for all.
    names = panels["difference: PGD, mean over ε"].get_xticklabels()
    assert [text.get_text() for text in names] == list(UNITS)


def test_figures_say_of_what_they_are(drawn):
    for figure in drawn.values():
        assert figure.get_suptitle().replace("\n", " ").startswith("resnet8 on digits; means over")
    for name in ("selectivity_by_alpha", "clean_accuracy_by_alpha"):
        (axes,) = drawn[name].axes
        assert axes.get_xlabel().startswith("α")
        assert axes.get_ylabel()
    for name in list(drawn)[2:]:
        (legend,) = drawn[name].legends
        assert [text.get_text() for text in legend.get_texts()] == ["α = 1", "α = 0", "α = −1"]
        assert drawn[name].get_supylabel()


@pytest.mark.parametrize(
    ("missing", "figure"),
    [
        (lambda rows: rows["metric"] == "class_selectivity", "selectivity_by_alpha"),
        (lambda rows: rows["severity"].notna() & (rows["layer"] == ""), "accuracy_by_severity"),
        (
            lambda rows: rows["epsilon"].notna() & (rows["layer"] == ""),
            "robust_accuracy_by_epsilon",
        ),
        (lambda rows: rows["metric"].str.startswith("dim"), "dimensionality_by_layer"),
    ],
)
def test_what_was_not_measured_has_no_figure(full, drawn, missing, figure):
    found = figures.draw_all(full[~missing(full)], UNITS)
    assert set(found) == set(drawn) - {figure}


def test_only_clean_accuracy_gives_one_figure(full):
    clean = full[(full["metric"] == "accuracy") & (full["perturbation"] == "")]
    assert list(figures.draw_all(clean, UNITS)) == ["clean_accuracy_by_alpha"]


@pytest.mark.parametrize("kept", ["", "contrast", "pgd"])
def test_dimensionality_of_some_perturbations_alone(full, kept):
    of_kept = full["perturbation"].isin({"", kept, f"difference:{kept}"})
    figure = figures.dimensionality_by_layer(full[of_kept], UNITS)
    drawn_panels = [axes for axes in figure.axes if axes.lines]
    assert len(drawn_panels) == (3 if kept else 1)
    for axes in drawn_panels:
        assert set(lines(axes)) == set(ALPHAS)


def test_one_network_alone_gives_every_figure(full, drawn, tmp_path):
    alone = full[(full["alpha"] == 0) & (full["seed"] == 0)]
    found = figures.draw_all(alone, UNITS)
    assert set(found) == set(drawn)
    assert "1 seed" in found["selectivity_by_alpha"].get_suptitle()
    figures.save({"one": found["selectivity_by_alpha"]}, tmp_path)


def test_a_missing_value_is_no_point(full):
    table = full.copy()
    is_one = (table["metric"] == "accuracy") & (table["perturbation"] == "") & (table["seed"] == 2)
    table.loc[is_one, "value"] = np.nan
    (axes,) = figures.clean_accuracy_by_alpha(table).axes
    expected = [(alpha, 0.795 + 0.02 * alpha) for alpha in ALPHAS]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), expected)


def test_a_layer_that_the_model_lacks_is_refused(full):
    fewer = {"stem": 16, "stage1": 16}
    with pytest.raises(ValueError, match=r"units lacks layer 'stage2'"):
        figures.draw_all(full, fewer)


@pytest.mark.parametrize("column", ["model", "dataset"])
def test_several_models_or_data_sets_are_refused(full, column):
    both = pd.concat([full, full.assign(**{column: "another"})])
    with pytest.raises(ValueError, match=rf"several in column {column}, \w+, another; take"):
        figures.draw_all(both, UNITS)


def test_figures_are_saved_as_png(drawn, tmp_path):
    paths = figures.save(drawn, tmp_path / "figures")
    assert [path.name for path in paths] == [f"{name}.png" for name in drawn]
    assert set(paths) == set((tmp_path / "figures").iterdir())
    for path, figure in zip(paths, drawn.values(), strict=True):
        pixels = matplotlib.image.imread(path)
        width, height = figure.get_size_inches() * 200
        assert abs(pixels.shape[1] - width) <= 1
        assert abs(pixels.shape[0] - height) <= 1
        assert 0.01 < np.mean(pixels[..., :3] < 0.9) < 0.5


def test_a_png_is_written_wholly_or_not_at_all(drawn, tmp_path, monkeypatch):
    figure = {"selectivity_by_alpha": drawn["selectivity_by_alpha"]}
    (path,) = figures.save(figure, tmp_path)
    before = path.read_bytes()
    other = {"selectivity_by_alpha": drawn["clean_accuracy_by_alpha"]}

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(figures.os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            figures.save(other, tmp_path)
    assert path.read_bytes() == before
    figures.save(other, tmp_path)
    assert path.read_bytes() != before
    assert list(tmp_path.iterdir()) == [path]
