"""Captions name model, data and the networks that are missing."""

import pandas as pd
from matplotlib.figure import Figure

from selectax.study.report.figures.captions import caption, diverged_text


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


def test_caption_tells_networks_of_a_method_that_diverged_from_standard_ones():
    table = pd.DataFrame(
        {
            "metric": "diverged",
            "alpha": 0.0,
            "seed": [0, 1, 0, 2],
            "training": ["adversarial", "adversarial", "adversarial", "standard"],
            "training_strength": [8.0, 8.0, 16.0, 0.0],
        }
    )
    assert diverged_text(table) == (
        "diverged, not shown: 1 of α = 0, 2 of α = 0 and adversarial 8, "
        "1 of α = 0 and adversarial 16"
    )


def test_caption_names_model_and_data_and_keeps_inside_the_figure():
    figure = Figure(figsize=(3, 2))
    table = pd.DataFrame({"model": ["resnet8"], "dataset": ["digits"]})
    caption(figure, table, "means over 3 seeds with 95 % bootstrap interval", "dots: networks")
    text = figure.get_suptitle()
    assert text.replace("\n", " ") == (
        "resnet8 on digits; means over 3 seeds with 95 % bootstrap interval; dots: networks"
    )
    assert max(len(line) for line in text.split("\n")) <= 49
