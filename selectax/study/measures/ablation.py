"""Measures accuracy as units are switched off in several orders.

References:
  Leavitt & Morcos, 2020, arXiv 2003.01262.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float

from selectax.ablation import (
    accuracy_of_counts,
    cumulative_masks,
    init_correct_counts,
    least_selective_first,
    most_selective_first,
    random_ranks,
    update_correct_counts,
)
from selectax.datasets.pipeline.batches import Batches, one_by_one, to_unit_range
from selectax.study.measures.computation.over_networks import for_each, over_networks
from selectax.study.measures.measure import Row
from selectax.study.measures.subject import Subject
from selectax.study.runtime.waiting import fetch

_ORDERS = {
    "most_selective_first": lambda key, selectivity: most_selective_first(selectivity),
    "least_selective_first": lambda key, selectivity: least_selective_first(selectivity),
    "random": random_ranks,
}


def rows(subject: Subject) -> list[Row]:
    """Returns accuracies by order and number of units off, for each layer and the whole network.

    In each row, `steps` is the number of units that are switched off.
    """
    where = [
        {"perturbation": f"ablation:{order}", "layer": layer, "steps": number}
        for order, layer, _, numbers in _curves(subject)
        for number in numbers
    ]
    accuracies = subject.cohort.part(
        subject,
        "ablation",
        lambda cohort: fetch(
            measure_ablated(
                cohort.variables,
                subject.images.attacked,
                cohort.of_each(_masks),
                masked=subject.network.masked,
                mesh=cohort.mesh,
            )
        ),
    )
    if any(np.any(np.isnan(values)) for values in subject.selectivity.values()):
        accuracies = np.full_like(accuracies, np.nan)
    return [
        {"metric": "accuracy", **at, "value": value}
        for at, value in zip(where, accuracies, strict=True)
    ]


def _curves(subject: Subject) -> Iterator[tuple[str, str, list[str], list[int]]]:
    """Order, layer, names of the layers whose units are switched off, and how many of them are."""
    widths = {name: len(values) for name, values in subject.selectivity.items()}
    points = subject.options.ablation_points
    for order in _ORDERS:
        for layer, names in {"": [*widths], **{name: [name] for name in widths}}.items():
            units = sum(widths[name] for name in names)
            numbers = sorted({math.ceil(units * at / points) for at in range(points + 1)})
            yield order, layer, names, numbers


def _masks(subject: Subject) -> dict[str, Bool[Array, "masks units"]]:
    """Masks of each layer along all curves."""
    selectivity = subject.selectivity
    masks = []
    for order, _, names, numbers in _curves(subject):
        # NaN selectivities have no order. Their accuracies are set to NaN.
        chosen = {name: jnp.asarray(np.nan_to_num(selectivity[name])) for name in names}
        off = cumulative_masks(_ORDERS[order](subject.key, chosen), numbers)
        on = {
            name: jnp.ones((len(numbers), len(values)), bool)
            for name, values in selectivity.items()
        }
        masks.append({**on, **off})
    return jax.tree.map(lambda *curves: np.concatenate(curves), *masks)


def measure_ablated(
    variables: Mapping[str, Any],
    batches: Batches,
    masks: Mapping[str, Bool[Array, "networks masks units"]],
    *,
    masked: Callable[..., tuple[Array, dict[str, Array]]] | None,
    mesh: Mesh | None = None,
) -> Float[Array, "networks masks"]:
    """Computes the accuracy under each of several masks.

    Args:
      variables: variables of the networks, stacked.
      batches: clean images.
      masks: masks of each layer, for each network; True for units that stay on.
      masked: function of variables, images and masks that returns logits and activations.
      mesh: devices of the networks.
    """
    number = next(iter(masks.values())).shape[1]
    counts = for_each(jax.device_get(init_correct_counts(number)), mesh)
    for batch in one_by_one(batches):
        counts = _add_batch(
            counts=counts,
            variables=variables,
            images=batch.images,
            labels=batch.labels,
            where=batch.where,
            masks=masks,
            masked=masked,
            mesh=mesh,
        )
    return _accuracy(counts=counts, mesh=mesh)


@over_networks(each=("counts", "variables", "masks"), static=("masked",))
def _add_batch(counts, variables, images, labels, where, masks, *, masked):
    def logits_fn(images, masks):
        return masked(variables, images, masks)[0]

    return update_correct_counts(
        counts, logits_fn, masks, to_unit_range(images), labels, where=where, masks_at_a_time=1
    )


@over_networks(each=("counts",))
def _accuracy(counts):
    return accuracy_of_counts(counts)
