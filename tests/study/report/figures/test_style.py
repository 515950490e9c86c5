"""Lines that can be told apart, colour-blind or not, whatever the user's settings of matplotlib."""

import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from selectax.study.report import figures
from selectax.study.report.figures.style import line_styles, number_text
from tests.study.planted import planted_table

STRENGTHS = (100, 30, 10, 5, 2, 1, 0.7, 0.4, 0.3, 0.2, 0.1)
PAPER = [0.0, *(s * a for s in (-1, 1) for a in STRENGTHS)]
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
