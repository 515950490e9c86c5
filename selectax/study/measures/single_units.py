"""Measures of single units: how their input gradients vary, and what the network is without them.

Each function is one compiled program for all networks of an architecture.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from selectax.ablation import (
    accuracy_of_counts,
    cumulative_masks,
    init_correct_counts,
    least_selective_first,
    most_selective_first,
    random_ranks,
    update_correct_counts,
)
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.models.convolution import native_convolution
from selectax.selectivity import unit_responses
from selectax.sensitivity import (
    init_norm_moments,
    input_gradient_norms,
    update_norm_moments,
    variation_over_samples,
    variation_over_units,
)
from selectax.study.measures.rows import Row
from selectax.study.runtime.waiting import fetch

_ORDERS = {
    "most_selective_first": lambda key, selectivity: most_selective_first(selectivity),
    "least_selective_first": lambda key, selectivity: least_selective_first(selectivity),
    "random": random_ranks,
}


class InputGradientVariation(NamedTuple):
    """Coefficients of variation of the norms of input-unit gradients, by layer.

    Attributes:
      over_samples: of each unit; 0 for one without any gradient.
      over_units: of the units' mean norms.
    """

    over_samples: dict[str, Float[Array, "units"]]
    over_units: dict[str, Float[Array, ""]]


@functools.partial(jax.jit, static_argnames=("module", "directions"))
def measure_input_gradients(
    key: PRNGKeyArray,
    variables: Mapping[str, Any],
    batches: Batches,
    *,
    module: nn.Module,
    directions: int,
) -> InputGradientVariation:
    """How input-unit gradients vary, from random directions.

    Args:
      key: for the directions.
      variables: of the network.
      batches: clean images.
      module: the network; its convolutions are replaced by those that know forward mode.
      directions: derivatives along so many random directions are taken for each image.
    """
    forward = module.clone(convolve=native_convolution) if hasattr(module, "convolve") else module

    def respond(images):
        _, activations = forward.apply(variables, images)
        return {name: unit_responses(layer) for name, layer in activations.items()}

    def add_batch(moments, numbered_batch):
        number, batch = numbered_batch
        norms = input_gradient_norms(
            jax.random.fold_in(key, number),
            respond,
            to_unit_range(batch.images),
            directions=directions,
        )
        return {
            name: update_norm_moments(moments[name], norms[name], where=batch.where)
            for name in moments
        }, None

    like = jax.eval_shape(respond, jnp.zeros((1, *batches.images.shape[2:])))
    empty = {name: init_norm_moments(layer.shape[-1]) for name, layer in like.items()}
    numbered = (jnp.arange(len(batches.labels)), batches)
    moments, _ = jax.lax.scan(add_batch, empty, numbered)
    return InputGradientVariation(
        {name: variation_over_samples(layer) for name, layer in moments.items()},
        {name: variation_over_units(layer) for name, layer in moments.items()},
    )


@functools.partial(jax.jit, static_argnames="module")
def measure_ablated(
    variables: Mapping[str, Any],
    batches: Batches,
    masks: Mapping[str, Bool[Array, "masks units"]],
    *,
    module: nn.Module,
) -> Float[Array, "masks"]:
    """Accuracy with the units off that masks say."""

    def logits_fn(images, masks):
        return module.apply(variables, images, masks=masks)[0]

    def add_batch(counts, batch):
        images = to_unit_range(batch.images)
        return update_correct_counts(
            counts, logits_fn, masks, images, batch.labels, where=batch.where, masks_at_a_time=1
        ), None

    number = len(next(iter(masks.values())))
    counts, _ = jax.lax.scan(add_batch, init_correct_counts(number), batches)
    return accuracy_of_counts(counts)


def input_gradient_rows(
    key: PRNGKeyArray,
    variables: Mapping[str, Any],
    batches: Batches,
    directions: int,
    module: nn.Module,
) -> list[Row]:
    """Mean variation over samples, and variation over units, of each layer and their means.

    Units without any gradient take no part in the mean over units.
    """
    measured = fetch(
        measure_input_gradients(key, variables, batches, module=module, directions=directions)
    )
    over_samples = {
        name: units[units > 0].mean() if np.any(units > 0) else 0.0
        for name, units in measured.over_samples.items()
    }
    rows = []
    for metric, of_layers in (
        ("input_gradient_cv", over_samples),
        ("input_gradient_cv_over_units", measured.over_units),
    ):
        rows.append({"metric": metric, "value": np.mean(list(of_layers.values()))})
        rows += [
            {"metric": metric, "layer": name, "value": value} for name, value in of_layers.items()
        ]
    return rows


def ablation_rows(
    key: PRNGKeyArray,
    variables: Mapping[str, Any],
    batches: Batches,
    selectivity: Mapping[str, Float[np.ndarray, "units"]],
    points: int,
    module: nn.Module,
) -> list[Row]:
    """Accuracy as units are switched off in several orders, in each layer and in the whole network.

    Args:
      key: for the random order.
      variables: of the network.
      batches: clean images.
      selectivity: by which units are ordered.
      points: of each curve, besides the whole network; `steps` of a row is the number of units off.
      module: the network.
    """
    groups = {"": list(selectivity), **{name: [name] for name in selectivity}}
    masks, where = [], []
    for order, rank in _ORDERS.items():
        for layer, names in groups.items():
            # A diverged network has no order; its accuracies become NaN below.
            chosen = {name: jnp.asarray(np.nan_to_num(selectivity[name])) for name in names}
            units = sum(len(values) for values in chosen.values())
            numbers = sorted({math.ceil(units * at / points) for at in range(points + 1)})
            off = cumulative_masks(rank(key, chosen), numbers)
            on = {
                name: jnp.ones((len(numbers), len(selectivity[name])), bool) for name in groups[""]
            }
            masks.append({**on, **off})
            where += [
                {"perturbation": f"ablation:{order}", "layer": layer, "steps": number}
                for number in numbers
            ]
    stacked = jax.tree.map(lambda *curves: jnp.concatenate(curves), *masks)
    accuracies = fetch(measure_ablated(variables, batches, stacked, module=module))
    if any(np.any(np.isnan(values)) for values in selectivity.values()):
        accuracies = np.full_like(accuracies, np.nan)
    return [
        {"metric": "accuracy", **at, "value": value}
        for at, value in zip(where, accuracies, strict=True)
    ]
