"""Rows of the results table in the making, and the images that they are of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from selectax.corruptions.severities import Benchmark
from selectax.datasets.corrupted_sets import OfficialSet
from selectax.datasets.pipeline.batches import Batches
from selectax.study.measures.own_corruptions import OwnCorruptions
from selectax.study.measures.statistics import Dimensionality

Row = dict[str, Any]


class EvaluationImages(NamedTuple):
    """What networks are measured on.

    Attributes:
      test: clean images, for everything but attacks.
      attacked: clean images to attack.
      corrupted: the test images corrupted, by the benchmark's authors or by us.
      benchmark: whose severities corruptions have.
    """

    test: Batches
    attacked: Batches
    corrupted: OfficialSet | OwnCorruptions
    benchmark: Benchmark = "cifar10"


def count(batches: Batches) -> int:
    """Number of images, without those that fill up the last batch."""
    return int(np.asarray(batches.where).sum())


def dimensionality_rows(
    dimensionality: Dimensionality, layers: Sequence[str], where: Row
) -> list[Row]:
    """Of each layer.

    Args:
      dimensionality: of the layers.
      layers: their names.
      where: what the rows have in common.
    """
    rows = []
    for layer, components, ratio in zip(
        layers, dimensionality.components, dimensionality.participation_ratio, strict=True
    ):
        components = [number if number >= 0 else np.nan for number in components]  # -1: not finite
        metrics = [f"dimensionality_{share}" for share in (90, 95, 99)] + ["participation_ratio"]
        for metric, value in zip(metrics, [*components, ratio], strict=True):
            rows.append({"metric": metric, "layer": layer, **where, "value": value})
    return rows
