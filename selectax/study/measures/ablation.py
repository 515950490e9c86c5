"""Measures accuracy as units are switched off in several orders.

References:
  Leavitt & Morcos, 2020, arXiv 2003.01262.
"""

import math
from collections.abc import Callable, Mapping
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
    selectivity = subject.selectivity
    where = _curves(subject)[1]
    accuracies = subject.cohort.part(
        subject,
        "ablation",
        lambda cohort: fetch(
            measure_ablated(
                cohort.variables,
                subject.images.attacked,
                cohort.of_each(lambda one: _curves(one)[0]),
                masked=subject.network.masked,
                mesh=cohort.mesh,
            )
        ),
    )
    if any(np.any(np.isnan(values)) for values in selectivity.values()):
        accuracies = np.full_like(accuracies, np.nan)
    return [
        {"metric": "accuracy", **at, "value": value}
        for at, value in zip(where, accuracies, strict=True)
    ]


def _curves(subject: Subject) -> tuple[dict[str, Bool[Array, "masks units"]], list[Row]]:
    """Returns masks of each layer, and what each is of."""
    selectivity, points = subject.selectivity, subject.options.ablation_points
    groups = {"": list(selectivity), **{name: [name] for name in selectivity}}
    masks, where = [], []
    for order, rank in _ORDERS.items():
        for layer, names in groups.items():
            # NaN selectivities have no order. Their accuracies are set to NaN below.
            chosen = {name: jnp.asarray(np.nan_to_num(selectivity[name])) for name in names}
            units = sum(len(values) for values in chosen.values())
            numbers = sorted({math.ceil(units * at / points) for at in range(points + 1)})
            off = cumulative_masks(rank(subject.key, chosen), numbers)
            on = {
                name: jnp.ones((len(numbers), len(selectivity[name])), bool) for name in groups[""]
            }
            masks.append({**on, **off})
            where += [
                {"perturbation": f"ablation:{order}", "layer": layer, "steps": number}
                for number in numbers
            ]
    return jax.tree.map(lambda *curves: np.concatenate(curves), *masks), where


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
