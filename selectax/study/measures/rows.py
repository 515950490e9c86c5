"""Makes rows of the results table that several measures share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from selectax.study.measures.computation.one_batch import Dimensionality
from selectax.study.measures.computation.statistics import PerturbedMeasures
from selectax.study.measures.measure import Row

SHARES = (90, 95, 99)


def layer_means(metric: str, means: Mapping[str, Any], where: Row | None = None) -> list[Row]:
    """Returns a row for the whole network, the mean over layers, and a row for each layer.

    Args:
      metric: name of the metric.
      means: mean over the units of each layer.
      where: entries that all rows share.
    """
    shared = where or {}
    of_layers = [
        {"metric": metric, "layer": name, **shared, "value": mean} for name, mean in means.items()
    ]
    return [{"metric": metric, **shared, "value": np.mean(list(means.values()))}, *of_layers]


def dimensionality_rows(
    dimensionality: Dimensionality, layers: Sequence[str], where: Row
) -> list[Row]:
    """Returns rows with the dimensionality of each layer.

    Args:
      dimensionality: dimensionality of the layers.
      layers: names of the layers.
      where: entries that all rows share.
    """
    rows = []
    for layer, components, ratio, rank in zip(layers, *dimensionality, strict=True):
        numbers = [number if number >= 0 else np.nan for number in components]  # -1: not finite
        of_metric: Iterable[tuple[str, Any]] = zip(
            [f"dimensionality_{share}" for share in SHARES], numbers, strict=True
        )
        for metric, value in (
            *of_metric,
            ("participation_ratio", ratio),
            ("effective_rank", rank),
        ):
            rows.append({"metric": metric, "layer": layer, **where, "value": value})
    return rows


def perturbed_dimensionality_rows(
    measured: PerturbedMeasures, at: int, layers: Sequence[str], where: Row, *, paired: bool = True
) -> list[Row]:
    """Returns the dimensionality of perturbed responses and of their difference from clean ones.

    Args:
      measured: measures at several strengths of a perturbation.
      at: index of the strength.
      layers: names of the layers.
      where: entries that all rows share.
      paired: whether the clean images are known. If not, there are no rows for the difference.
    """
    perturbed, difference = jax.tree.map(
        lambda leaf: leaf[at], (measured.perturbed, measured.difference)
    )
    rows = dimensionality_rows(perturbed, layers, where)
    if paired:
        of_difference = {**where, "perturbation": f"difference:{where['perturbation']}"}
        rows += dimensionality_rows(difference, layers, of_difference)
    return rows
