"""Selectivity indices from the literature, in addition to the class selectivity index."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.selectivity import unit_responses
from selectax.strongest import init_strongest_responses, precision_at_k, update_strongest_responses
from selectax.study.measures.computation.statistics import Apply
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
        subject.variables,
        subject.images.test,
        apply=subject.network.apply,
        num_classes=subject.num_classes,
    )
    found: list[Row] = []
    for metric, layers in fetch(measured).items():
        found += layer_means(metric, {name: units.mean() for name, units in layers.items()})
    return found


@functools.partial(jax.jit, static_argnames=("apply", "num_classes"))
def measure_indices(
    variables: Mapping[str, Any], batches: Batches, *, apply: Apply, num_classes: int
) -> dict[str, dict[str, Float[Array, "units"]]]:
    """Computes each index of each unit in one pass over the images.

    Args:
      variables: variables of the network.
      batches: images and their labels.
      apply: function of the network, see `selectax.models.Network`.
      num_classes: number of classes.

    Returns:
      The values of the units, by the name of the index and the name of the layer.
    """

    def respond(images):
        _, activations = apply(variables, images)
        return {name: unit_responses(layer) for name, layer in activations.items()}

    def add_batch(state, batch):
        responses = respond(to_unit_range(batch.images))
        added = {
            name: (
                update_class_statistics(
                    statistics, responses[name], batch.labels, where=batch.where
                ),
                update_strongest_responses(
                    strongest, responses[name], batch.labels, where=batch.where
                ),
            )
            for name, (statistics, strongest) in state.items()
        }
        return added, None

    like = jax.eval_shape(respond, jnp.zeros((1, *batches.images.shape[2:])))
    empty = {
        name: (
            init_class_statistics(num_classes, layer.shape[-1]),
            init_strongest_responses(_STRONGEST, layer.shape[-1]),
        )
        for name, layer in like.items()
    }
    state, _ = jax.lax.scan(add_batch, empty, batches)
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
