"""Rows of the results table that several measures have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from selectax.study.measures.measure import Row
from selectax.study.measures.statistics import Dimensionality, PerturbedMeasures

SHARES = (90, 95, 99)


def layer_means(metric: str, means: Mapping[str, Any]) -> list[Row]:
    """A row of the whole network, the mean over layers, and one of each layer."""
    of_layers = [{"metric": metric, "layer": name, "value": mean} for name, mean in means.items()]
    return [{"metric": metric, "value": np.mean(list(means.values()))}, *of_layers]


def dimensionality_rows(
    dimensionality: Dimensionality, layers: Sequence[str], where: Row
) -> list[Row]:
    """Dimensionality of each layer.

    Args:
      dimensionality: of the layers.
      layers: their names.
      where: what the rows have in common.
    """
    rows = []
    for layer, components, ratio in zip(
        layers, dimensionality.components, dimensionality.participation_ratio, strict=True
    ):
        numbers = [number if number >= 0 else np.nan for number in components]  # -1: not finite
        of_metric: Iterable[tuple[str, Any]] = zip(
            [f"dimensionality_{share}" for share in SHARES], numbers, strict=True
        )
        for metric, value in (*of_metric, ("participation_ratio", ratio)):
            rows.append({"metric": metric, "layer": layer, **where, "value": value})
    return rows


def perturbed_dimensionality_rows(
    measured: PerturbedMeasures, at: int, layers: Sequence[str], where: Row, *, paired: bool = True
) -> list[Row]:
    """Dimensionality of responses to perturbed images, and of how they differ from clean ones.

    Args:
      measured: at several strengths.
      at: position of the strength.
      layers: names of the layers.
      where: what the rows have in common.
      paired: whether the clean images are known; without them nothing is said of the difference.
    """
    perturbed, difference = jax.tree.map(
        lambda leaf: leaf[at], (measured.perturbed, measured.difference)
    )
    rows = dimensionality_rows(perturbed, layers, where)
    if paired:
        of_difference = {**where, "perturbation": f"difference:{where['perturbation']}"}
        rows += dimensionality_rows(difference, layers, of_difference)
    return rows
