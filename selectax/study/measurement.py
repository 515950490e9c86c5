"""The rows of the results table that one trained network gives."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import numpy as np

from selectax.study.config import EvaluationOptions
from selectax.study.evaluation import layer_units, measure_clean
from selectax.study.interruptible import fetch
from selectax.study.robustness import attack_rows, corruption_rows
from selectax.study.rows import Row, TestImages, count, dimensionality_rows


def measure(
    seed: int,
    variables: Mapping[str, Any],
    images: TestImages,
    options: EvaluationOptions,
    *,
    module: nn.Module,
    num_classes: int,
) -> list[Row]:
    """Measures a network.

    Args:
      seed: for random starts of attacks; images are corrupted alike for all networks.
      variables: of the network.
      images: to measure it on.
      options: what to measure.
      module: the network.
      num_classes: classes of the data set.

    Returns:
      Rows with a metric, a value and what applies of layer, perturbation, severity, epsilon, steps.
      Those on an official corrupted set name it as their data set.
    """
    layers = list(layer_units(module, images.test.images.shape[2:]))
    dimensionality = "dimensionality" in options.measures
    clean = fetch(measure_clean(variables, images.test, module=module, num_classes=num_classes))
    clean_accuracy = clean.correct.sum() / count(images.test)
    rows = [{"metric": "accuracy", "value": clean_accuracy}]
    if "selectivity" in options.measures:
        means = {name: clean.selectivity[name].mean() for name in layers}
        rows.append({"metric": "class_selectivity", "value": np.mean(list(means.values()))})
        rows += [
            {"metric": "class_selectivity", "layer": name, "value": mean}
            for name, mean in means.items()
        ]
    if dimensionality:
        rows += dimensionality_rows(clean.dimensionality, layers, {})
    if "corruptions" in options.measures:
        rows += corruption_rows(variables, images, clean.correct, options, module)
    if "attacks" in options.measures:
        unattacked = fetch(
            measure_clean(variables, images.attacked, module=module, num_classes=num_classes)
        ).correct.ravel()
        rows += attack_rows(seed, variables, images, unattacked, options, module)
    return rows
