"""Measures on clean images: accuracy, class selectivity and dimensionality."""

import numpy as np

from selectax.study.measures.measure import Row
from selectax.study.measures.rows import dimensionality_rows, layer_means
from selectax.study.measures.subject import Subject, count

_DECILES = np.arange(11) / 10


def accuracy(subject: Subject) -> list[Row]:
    """Returns the accuracy on the test images."""
    correct = subject.clean.correct.sum() / count(subject.images.test)
    return [{"metric": "accuracy", "value": correct}]


def selectivity(subject: Subject) -> list[Row]:
    """Returns the mean class selectivity of the network and each layer, and deciles over units."""
    of_units = subject.selectivity
    subject.units["class_selectivity"] = of_units
    rows = layer_means("class_selectivity", {name: of_units[name].mean() for name in of_units})
    return rows + [
        {"metric": f"class_selectivity_decile_{decile}", "layer": name, "value": value}
        for name in of_units
        for decile, value in enumerate(np.quantile(of_units[name], _DECILES))
    ]


def dimensionality(subject: Subject) -> list[Row]:
    """Returns the dimensionality of each layer's responses to the test images."""
    return dimensionality_rows(subject.clean.dimensionality, subject.layers, {})
