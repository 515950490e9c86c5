"""Means over seeds by hand and by scipy, and lines that can be told apart, colour-blind or not."""

import itertools
import math

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from selectax.study.report import figures
from selectax.study.report.figures.plotting import (
    STYLE,
    alpha_panels,
    caption,
    diverged_text,
    draw_lines,
    fractions_on,
    legend,
    line_panels,
    line_styles,
    number_text,
    number_ticks,
    over_seeds,
    over_seeds_text,
    panels,
)
from tests.study.planted import planted_table

PAPER = [0.0, *(s * a for s in (-1, 1) for a in (2, 1, 0.7, 0.4, 0.3, 0.2, 0.1))]
DEFAULT = [-1.0, 0.0, 1.0]
# Machado, Oliveira & Fernandes 2009, severity 1.0; for linear RGB.
VISION = {
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "normal": np.eye(3),
}


def lab(color, vision):
    """CIE L*a*b* of a colour as a kind of eye sees it."""
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    x, y, z = np.cbrt(np.maximum(to_xyz @ linear / [0.95047, 1, 1.08883], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def rows(values):
    """A table of (alpha, seed, value)."""
    return pd.DataFrame(values, columns=["alpha", "seed", "value"])


def test_interval_of_three_seeds_and_more_is_students():
    values = [0.2, 0.5, 0.35, 0.41]
    (found,) = over_seeds(
        rows([(1.0, seed, value) for seed, value in enumerate(values)]), ["alpha"]
    ).itertuples()
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert found.alpha == 1
    assert found.seeds == 4
    np.testing.assert_allclose([found.mean, found.low, found.high], [np.mean(values), low, high])


def test_interval_of_three_seeds_by_hand():
    found = over_seeds(rows([(0.0, 0, 1.0), (0.0, 1, 2.0), (0.0, 2, 3.0)]), ["alpha"]).iloc[0]
    # t(0.975, 2) = 4.302653; the deviation is 1.
    half = 4.302653 / math.sqrt(3)
    np.testing.assert_allclose([found["low"], found["high"]], [2 - half, 2 + half], rtol=1e-6)


def test_two_seeds_have_their_range_and_one_has_no_interval():
    found = over_seeds(rows([(0.0, 0, 0.25), (0.0, 4, 0.75), (1.0, 0, 0.5)]), ["alpha"])
    assert found["mean"].tolist() == [0.5, 0.5]
    assert found["seeds"].tolist() == [2, 1]
    np.testing.assert_array_equal(found["low"], [0.25, math.nan])
    np.testing.assert_array_equal(found["high"], [0.75, math.nan])


def test_each_network_counts_once_however_many_values_it_has():
    found = over_seeds(
        rows([(0.0, 0, 0.0), (0.0, 0, 0.2), (0.0, 0, 0.1), (0.0, 1, 0.5)]), ["alpha"]
    ).iloc[0]
    np.testing.assert_allclose([found["mean"], found["low"], found["high"]], [0.3, 0.1, 0.5])
    assert found["seeds"] == 2


def test_rows_without_a_value_are_left_out():
    found = over_seeds(rows([(0.0, 0, math.nan), (0.0, 1, 0.5), (1.0, 0, math.nan)]), ["alpha"])
    assert found[["alpha", "mean", "seeds"]].to_numpy().tolist() == [[0.0, 0.5, 1.0]]


def test_what_is_not_averaged_is_told_apart():
    table = rows([(0.0, 0, 0.1), (0.0, 0, 0.3)]).assign(severity=pd.array([1, 2], "Int64"))
    found = over_seeds(table, ["alpha", "severity"])
    assert found[["severity", "mean"]].to_numpy().tolist() == [[1, 0.1], [2, 0.3]]


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ([1, 1], "1 seed"),
        ([2], "means over 2 seeds with range"),
        ([5, 5], "means over 5 seeds with 95 % t-interval"),
        ([3, 5], "means over 3 to 5 seeds with 95 % t-interval"),
        ([1, 2], "means over 1 to 2 seeds with range"),
        ([2, 4], "means over 2 to 4 seeds with 95 % t-interval (range for two)"),
    ],
)
def test_caption_says_what_intervals_are(seeds, text):
    assert over_seeds_text(pd.DataFrame({"seeds": seeds})) == text


def test_caption_names_networks_that_diverged():
    table = pd.DataFrame(
        {
            "metric": ["accuracy", "diverged", "diverged", "diverged"],
            "alpha": [-1.0, 2.0, 2.0, -0.5],
            "seed": [0, 0, 3, 1],
        }
    )
    assert diverged_text(table) == "diverged, not shown: 1 of α = −0.5, 2 of α = 2"
    assert diverged_text(table[:1]) == ""


@pytest.mark.parametrize("alphas", [PAPER, DEFAULT, [0.0], [2.0], np.linspace(-3, 3, 31)])
def test_no_two_alphas_look_alike(alphas):
    styles = line_styles(alphas)
    assert list(styles) == sorted(alphas)
    looks = [(look["color"], str(look["linestyle"]), look["marker"]) for look in styles.values()]
    assert len(set(looks)) == len(looks)
    for look in styles.values():
        Line2D([], [], **look)


@pytest.mark.parametrize("alphas", [PAPER, DEFAULT, [-0.5, 0.0, 1.0, 2.0]])
def test_without_colours_line_and_marker_tell_alphas_apart(alphas):
    styles = line_styles(alphas)
    looks = {(str(look["linestyle"]), look["marker"]) for look in styles.values()}
    assert len(looks) == len(alphas)
    for alpha, look in styles.items():
        assert look["label"] == f"α = {number_text(alpha)}"


@pytest.mark.parametrize("vision", VISION)
def test_signs_have_colours_that_every_eye_tells_apart(vision):
    """A difference of 2.3 is just noticeable; for thin lines take several times that."""
    styles = line_styles(PAPER)
    seen = {alpha: lab(look["color"], vision) for alpha, look in styles.items()}
    for one, other in itertools.combinations(PAPER, 2):
        distance = np.linalg.norm(seen[one] - seen[other])
        assert distance > (15 if one * other <= 0 else 2.3), (one, other)
    default = [lab(look["color"], vision) for look in line_styles(DEFAULT).values()]
    for one, other in itertools.combinations(default, 2):
        assert np.linalg.norm(one - other) > 35


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("sign", [-1, 1])
def test_stronger_alphas_are_lighter(vision, sign):
    styles = line_styles(PAPER)
    strengths = sorted((alpha for alpha in PAPER if alpha * sign > 0), key=abs)
    lightness = [lab(styles[alpha]["color"], vision)[0] for alpha in [0.0, *strengths]]
    assert lightness == sorted(lightness)
    assert lightness[-1] < 80, "too light on white"


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
    ("largest", "end"), [(0, 0.1), (0.1, 0.1), (0.13, 0.2), (0.45, 0.5), (0.51, 1), (1.2, 1)]
)
def test_small_fractions_fill_their_panel(largest, end):
    _, (axes,) = panels(["a"], columns=1, size=(2, 2))
    fractions_on(axes.yaxis, largest)
    assert axes.get_ylim() == pytest.approx((-0.02 * end, 1.02 * end))
    np.testing.assert_allclose(axes.get_yticks(), np.arange(6) / 5 * end)


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
    caption(figure, table, "means over 3 seeds with 95 % t-interval", "diverged, not shown: 1 of 2")
    figure.canvas.draw()
    (drawn,) = figure.legends
    text = next(text for text in figure.texts if text.get_text().startswith("resnet8"))
    assert text.get_window_extent().x1 < drawn.get_window_extent().x0


def test_ticks_are_at_the_values_where_there_is_room():
    axes = Figure().subplots()
    number_ticks(axes, [-1.0, 0.0, 0.001, 1.0, 0.5])
    labels = [text.get_text() for text in axes.get_xticklabels()]
    ticks = dict(zip(axes.get_xticks(), labels, strict=True))
    assert ticks == {-1: "−1", 0: "0", 0.5: "0.5", 1: "1"}


def test_legend_has_each_alpha_with_the_largest_on_top():
    figure = Figure(layout="constrained")
    figure.subplots()
    legend(figure, line_styles([-1.0, 0.5, 0.0]))
    (drawn,) = figure.legends
    assert [text.get_text() for text in drawn.get_texts()] == ["α = 0.5", "α = 0", "α = −1"]


def test_caption_names_model_and_data_and_keeps_inside_the_figure():
    figure = Figure(figsize=(3, 2))
    table = pd.DataFrame({"model": ["resnet8"], "dataset": ["digits"]})
    caption(figure, table, "means over 3 seeds with 95 % t-interval", "dots: networks")
    text = figure.get_suptitle()
    assert text.replace("\n", " ") == (
        "resnet8 on digits; means over 3 seeds with 95 % t-interval; dots: networks"
    )
    assert max(len(line) for line in text.split("\n")) <= 49


@pytest.mark.parametrize(
    ("value", "text"), [(-1.0, "−1"), (0.0, "0"), (0.25, "0.25"), (1e-5, "1e−05"), (12, "12")]
)
def test_numbers_are_short_and_have_a_true_minus_sign(value, text):
    assert number_text(value) == text


def test_no_setting_of_the_users_matters(tmp_path):
    """A matplotlibrc that asks for LaTeX, large text and a dark ground leaves every byte alike."""
    table = planted_table(alphas=(0.0, 1.0), seeds=1)
    theirs = {"text.usetex": True, "font.size": 30, "axes.facecolor": "black", "savefig.dpi": 10}
    written = []
    for name, settings in (("ours", {}), ("theirs", theirs)):
        with matplotlib.rc_context(settings):
            (path,) = figures.save({"one": figures.selectivity_by_alpha(table)}, tmp_path / name)
        written.append((path.read_bytes(), path.with_suffix(".pdf").read_bytes()))
    assert written[0] == written[1]
