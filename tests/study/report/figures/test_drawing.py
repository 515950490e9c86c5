"""All figures of a table, and their files."""

import os
import re
import subprocess
import sys

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from selectax.study.report import figures
from tests.study.report.known import UNITS

NAMES = [
    "robustness_by_selectivity",
    *("selectivity_by_alpha", "selectivity_by_layer", "dead_units_by_layer"),
    "clean_accuracy_by_alpha",
    *("perturbed_accuracy_by_alpha", "accuracy_by_severity", "robust_accuracy_by_epsilon"),
    *("robust_accuracy_by_steps", "dimensionality_by_layer", "input_gradients_by_alpha"),
    *("input_gradients_by_layer", "accuracy_by_ablation", "accuracy_by_ablated_layer"),
]


def test_every_figure_is_drawn(drawn):
    assert list(drawn) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_says_of_what_it_is(drawn, name):
    figure = drawn[name]
    caption = figure.get_suptitle().replace("\n", " ")
    assert caption.startswith("resnet8 on digits; ")
    of_what = (
        "9 networks, a mark each"
        if name == "robustness_by_selectivity"
        else ("means over 3 seeds with 95 % bootstrap interval")
    )
    assert of_what in caption
    assert figure.get_supylabel()
    if name.endswith("_by_alpha"):
        assert figure.get_supxlabel().startswith("α")
    elif name != "selectivity_by_layer":
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["α = 1", "α = 0", "α = −1"]


@pytest.mark.parametrize(
    ("measured", "names"),
    [
        (lambda rows: rows["metric"] == "class_selectivity", {"selectivity_by_alpha"}),
        (lambda rows: rows["metric"].str.contains("decile"), {"selectivity_by_layer"}),
        (
            lambda rows: (rows["metric"] == "accuracy") & (rows["perturbation"] == ""),
            {"clean_accuracy_by_alpha"},
        ),
        (
            lambda rows: rows["severity"].notna() & (rows["layer"] == ""),
            {"perturbed_accuracy_by_alpha", "accuracy_by_severity"},
        ),
        (
            lambda rows: rows["epsilon"].notna() & (rows["steps"] == 1),
            {"perturbed_accuracy_by_alpha", "robust_accuracy_by_epsilon"},
        ),
        (lambda rows: rows["metric"].str.startswith("dim"), {"dimensionality_by_layer"}),
        (
            lambda rows: rows["metric"].str.startswith("input_gradient") & (rows["layer"] != ""),
            {"input_gradients_by_layer"},
        ),
        (
            lambda rows: rows["perturbation"].str.startswith("ablation") & (rows["layer"] == ""),
            {"accuracy_by_ablation"},
        ),
        (lambda rows: rows["metric"].str.startswith("train"), set()),
    ],
)
def test_figures_are_of_what_was_measured(full, measured, names):
    rows = full[measured(full).fillna(False).astype(bool)]
    assert len(rows)
    assert set(figures.draw_all(rows, UNITS)) == names


@pytest.mark.parametrize(
    "unmeasured", [lambda table: table[:0], lambda table: table.assign(value=np.nan)]
)
def test_a_table_without_values_gives_no_figure(full, unmeasured):
    assert figures.draw_all(unmeasured(full), UNITS) == {}


def test_networks_without_an_alpha_are_left_out(full):
    assert figures.draw_all(full.assign(alpha=np.nan), UNITS) == {}


@pytest.mark.slow
def test_one_network_alone_gives_every_figure(full, tmp_path):
    alone = full[(full["alpha"] == 1) & (full["seed"] == 0)]
    found = figures.draw_all(alone, UNITS)
    assert list(found) == NAMES
    for figure in found.values():
        assert re.search("1 (seed|networks?)", figure.get_suptitle())
    figures.save({"one": found["selectivity_by_alpha"]}, tmp_path)


@pytest.mark.slow
def test_networks_that_diverged_are_named_and_alphas_look_as_ever(full, drawn):
    is_strong = full["alpha"] == 1
    of_training = full[is_strong & (full["metric"] == "train_accuracy")]
    diverged = of_training.assign(metric="diverged", value=1.0)
    found = figures.draw_all(pd.concat([full[~is_strong], diverged]), UNITS)
    assert list(found) == NAMES
    for name, figure in found.items():
        caption = figure.get_suptitle().replace("\n", " ")
        assert "diverged, not shown: 3 of α = 1" in caption
        if figure.legends:
            texts, before = (
                {
                    text.get_text(): line.get_color()
                    for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
                }
                for legend in (figure.legends[0], drawn[name].legends[0])
            )
            assert list(texts) == ["α = 0", "α = −1"]
            assert texts == {label: before[label] for label in texts}


def test_a_layer_that_the_model_lacks_is_left_out(full, drawn):
    """A measure of one's own may have rows of the logits with metrics of ours."""
    logits = full[full["layer"] == "stem"].assign(layer="logits")
    found = figures.draw_all(pd.concat([full, logits]), UNITS)
    assert list(found) == list(drawn)
    for name, figure in found.items():
        for axes, others in zip(figure.axes, drawn[name].axes, strict=True):
            for line, other in zip(axes.lines, others.lines, strict=True):
                np.testing.assert_array_equal(line.get_xydata(), other.get_xydata())


@pytest.mark.parametrize("column", ["model", "dataset"])
def test_several_models_or_data_sets_are_refused(full, column):
    both = pd.concat([full, full.assign(**{column: "another"})])
    with pytest.raises(ValueError, match=rf"several in column {column}, \w+, another; take"):
        figures.draw_all(both, UNITS)


@pytest.fixture
def two(drawn):
    return {name: drawn[name] for name in ("selectivity_by_alpha", "clean_accuracy_by_alpha")}


def test_figures_are_saved_as_png_and_pdf(two, tmp_path):
    paths = figures.save(two, tmp_path / "figures")
    assert [path.name for path in paths] == [f"{name}.png" for name in two]
    vectors = [path.with_suffix(".pdf") for path in paths]
    assert {*paths, *vectors} == set((tmp_path / "figures").iterdir())
    for path, figure in zip(paths, two.values(), strict=True):
        pixels = matplotlib.image.imread(path)
        width, height = figure.get_size_inches()
        assert abs(pixels.shape[1] - 200 * width) <= 1
        assert abs(pixels.shape[0] - 200 * height) <= 1
        assert 0.01 < np.mean(pixels[..., :3] < 0.9) < 0.5
        content = path.with_suffix(".pdf").read_bytes()
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
        np.testing.assert_allclose(
            [float(side) for side in box.groups()], [72 * width, 72 * height]
        )
        assert b"/TrueType" in content or b"/CIDFontType2" in content, "text that can be edited"


@pytest.mark.slow
def test_the_same_table_gives_the_same_bytes_in_every_process(tmp_path):
    program = """
import sys
from pathlib import Path
from selectax.study.report import figures
from tests.study.report.known import UNITS, table
drawn = figures.draw_all(table(), UNITS)
few = ("selectivity_by_layer", "robust_accuracy_by_epsilon")
figures.save({name: drawn[name] for name in few}, Path(sys.argv[1]))
"""
    saved = []
    for seed, date in (("1", "0"), ("2", "86400")):
        folder = tmp_path / seed
        environment = os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": date}
        subprocess.run([sys.executable, "-c", program, str(folder)], env=environment, check=True)
        saved.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(saved[0]) == 4
    assert saved[0] == saved[1]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_a_file_is_written_wholly_or_not_at_all(two, tmp_path, monkeypatch, suffix):
    first, other = two.values()
    (path,) = figures.save({"figure": first}, tmp_path)
    path = path.with_suffix(suffix)
    before = path.read_bytes()

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            figures.save({"figure": other}, tmp_path)
    assert path.read_bytes() == before
    figures.save({"figure": other}, tmp_path)
    assert path.read_bytes() != before
    assert {each.name for each in tmp_path.iterdir()} == {"figure.png", "figure.pdf"}
