"""The rows of the results table that one trained network gives."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from selectax.study.config import EvaluationOptions
from selectax.study.evaluation import measure_clean
from selectax.study.indices import index_rows
from selectax.study.interruptible import fetch
from selectax.study.robustness import attack_rows, believability_rows, corruption_rows
from selectax.study.rows import EvaluationImages, Row, count, dimensionality_rows
from selectax.study.single_units import ablation_rows, input_gradient_rows


class Measured(NamedTuple):
    """What is known of a network.

    Attributes:
      rows: with a metric, a value and what applies of layer, perturbation, severity, epsilon and
        steps. Those on an official corrupted set name it as their data set.
      warnings: sentences on why the attacks may not be believed.
    """

    rows: list[Row]
    warnings: tuple[str, ...]


def measure_network(
    seed: int,
    variables: Mapping[str, Any],
    images: EvaluationImages,
    options: EvaluationOptions,
    *,
    module: nn.Module,
    num_classes: int,
) -> Measured:
    """Measures a network.

    Args:
      seed: for random starts of attacks and the like; images are corrupted alike for all networks.
      variables: of the network.
      images: to measure it on.
      options: what to measure.
      module: the network.
      num_classes: classes of the data set.
    """
    dimensionality = "dimensionality" in options.measures
    clean = fetch(measure_clean(variables, images.test, module=module, num_classes=num_classes))
    layers = list(clean.selectivity)
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
        rows += corruption_rows(variables, images, clean.correct, options, module, layers)
    warnings = ()
    if "attacks" in options.measures:
        unattacked = fetch(
            measure_clean(variables, images.attacked, module=module, num_classes=num_classes)
        ).correct.ravel()
        rows += attack_rows(seed, variables, images, unattacked, options, module, layers)
        doubts, warnings = believability_rows(seed, variables, images.attacked, options, module)
        rows += doubts
    key = jax.random.key(seed)
    if "input_gradients" in options.measures:
        directions = options.input_gradient_directions
        rows += input_gradient_rows(key, variables, images.attacked, directions, module)
    if "ablation" in options.measures:
        points = options.ablation_points
        rows += ablation_rows(key, variables, images.attacked, clean.selectivity, points, module)
    if "indices" in options.measures:
        rows += index_rows(variables, images.test, module, num_classes)
    return Measured(rows, warnings)
