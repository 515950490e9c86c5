"""Measures how the norms of input-unit gradients vary over samples and units.

References:
  Leavitt & Morcos, 2020, arXiv 2010.07693.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, UInt32

from selectax.datasets.pipeline.batches import Batches, one_by_one, to_unit_range
from selectax.selectivity import unit_responses
from selectax.sensitivity import (
    init_norm_moments,
    input_gradient_norms,
    update_norm_moments,
    variation_over_samples,
    variation_over_units,
)
from selectax.study.measures.computation.one_batch import Apply, layers_of
from selectax.study.measures.computation.over_networks import for_each, key_of_batch, over_networks
from selectax.study.measures.computation.statistics import shapes_of_one
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means
from selectax.study.measures.subject import Subject
from selectax.study.runtime.waiting import fetch


class InputGradientVariation(NamedTuple):
    """Coefficients of variation of the norms of input-unit gradients, by layer.

    Attributes:
      over_samples: variation over samples for each unit; 0 for a unit without any gradient.
      over_units: variation over units of their mean norms.
    """

    over_samples: dict[str, Float[Array, "units"]]
    over_units: dict[str, Float[Array, ""]]


def rows(subject: Subject) -> list[Row]:
    """Returns each layer's variation over samples and over units, and the means over layers.

    The variation over samples is the mean over units. Units without any gradient are excluded.
    """
    measured = subject.cohort.part(
        subject,
        "input gradients",
        lambda cohort: fetch(
            measure_input_gradients(
                cohort.keys(),
                cohort.variables,
                subject.images.attacked,
                forward=subject.network.forward or subject.network.apply,
                directions=subject.options.input_gradient_directions,
                mesh=cohort.mesh,
            )
        ),
    )
    over_samples = {
        name: units[units > 0].mean() if np.any(units > 0) else 0.0
        for name, units in measured.over_samples.items()
    }
    return layer_means("input_gradient_cv", over_samples) + layer_means(
        "input_gradient_cv_over_units", measured.over_units
    )


def measure_input_gradients(
    keys: UInt32[np.ndarray, "networks ..."],
    variables: Mapping[str, Any],
    batches: Batches,
    *,
    forward: Apply,
    directions: int,
    mesh: Mesh | None = None,
) -> InputGradientVariation:
    """Estimates the variation of input-unit gradients from random directions.

    Args:
      keys: data of each network's PRNG key, for the directions.
      variables: variables of the networks, stacked.
      batches: clean images.
      forward: the network's function, which must be differentiable in forward mode.
      directions: number of random directions per image along which derivatives are computed.
      mesh: devices of the networks.
    """
    layers = layers_of(forward, shapes_of_one(variables), batches.images.shape[2:])
    moments = for_each(jax.device_get(_empty_moments(layers)), mesh)
    for number, batch in enumerate(one_by_one(batches)):
        moments = _add_batch(
            moments=moments,
            key=keys,
            number=np.int32(number),
            variables=variables,
            images=batch.images,
            where=batch.where,
            forward=forward,
            directions=directions,
            mesh=mesh,
        )
    return _variation(moments=moments, mesh=mesh)


@functools.partial(jax.jit, static_argnums=0)
def _empty_moments(layers):
    return {name: init_norm_moments(units) for name, units in layers}


@over_networks(each=("moments", "key", "variables"), static=("forward", "directions"))
def _add_batch(moments, key, number, variables, images, where, *, forward, directions):
    def respond(images):
        _, activations = forward(variables, images)
        return {name: unit_responses(layer) for name, layer in activations.items()}

    key = key_of_batch(key, number)
    norms = input_gradient_norms(key, respond, to_unit_range(images), directions=directions)
    return {name: update_norm_moments(moments[name], norms[name], where=where) for name in moments}


@over_networks(each=("moments",))
def _variation(moments):
    return InputGradientVariation(
        {name: variation_over_samples(layer) for name, layer in moments.items()},
        {name: variation_over_units(layer) for name, layer in moments.items()},
    )
