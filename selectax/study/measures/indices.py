"""Selectivity indices from the literature, in addition to the class selectivity index."""

import functools
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Array, Float

from selectax.datasets.pipeline.batches import Batches
from selectax.strongest import init_strongest_responses, precision_at_k, update_strongest_responses
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means
from selectax.study.measures.subject import Subject
from selectax.study.runtime.waiting import fetch
from selectax.tuning import (
    class_conditional_mean_activity_selectivity,
    d_prime,
    init_class_statistics,
    treves_rolls_sparseness,
    update_class_statistics,
    vinje_gallant_sparseness,
)

# Number of strongest responses in Gale et al. (2020); with fewer images, all of them are used.
_STRONGEST = 60


def rows(subject: Subject) -> list[Row]:
    """Rows with the mean of each index over the units of each layer, and over layers."""
    measured = measure_indices(
        subject.clean_responses, subject.images.test, num_classes=subject.num_classes
    )
    found: list[Row] = []
    for metric, layers in fetch(measured).items():
        found += layer_means(metric, {name: units.mean() for name, units in layers.items()})
    return found


def measure_indices(
    responses: Sequence[Mapping[str, Float[np.ndarray, "samples units"]]],
    batches: Batches,
    *,
    num_classes: int,
) -> dict[str, dict[str, Float[Array, "units"]]]:
    """Computes each index of each unit.

    Args:
      responses: responses of each layer to each batch.
      batches: the images' labels.
      num_classes: number of classes.

    Returns:
      The values of the units, by the name of the index and the name of the layer.
    """
    labels, where = jax.device_get((batches.labels, batches.where))
    units = tuple((name, layer.shape[-1]) for name, layer in responses[0].items())
    state = _empty(units, num_classes)
    for of_batch in zip(map(dict, responses), labels, where, strict=True):
        state = _add_batch(state, *of_batch)
    return _indices(state, num_classes)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _empty(units, num_classes):
    return {
        name: (
            init_class_statistics(num_classes, number),
            init_strongest_responses(_STRONGEST, number),
        )
        for name, number in units
    }


@jax.jit
def _add_batch(state, responses, labels, where):
    return {
        name: (
            update_class_statistics(statistics, responses[name], labels, where=where),
            update_strongest_responses(strongest, responses[name], labels, where=where),
        )
        for name, (statistics, strongest) in state.items()
    }


@functools.partial(jax.jit, static_argnums=1)
def _indices(state, num_classes):
    of_statistics = {
        "class_conditional_mean_activity_selectivity": class_conditional_mean_activity_selectivity,
        "d_prime": d_prime,
        "treves_rolls_sparseness": treves_rolls_sparseness,
        "vinje_gallant_sparseness": vinje_gallant_sparseness,
    }
    indices = {
        metric: {name: index(statistics) for name, (statistics, _) in state.items()}
        for metric, index in of_statistics.items()
    }
    indices[f"precision_at_{_STRONGEST}"] = {
        name: precision_at_k(strongest, num_classes) for name, (_, strongest) in state.items()
    }
    return indices
