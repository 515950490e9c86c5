"""Measures one batch of images, and summarizes what was added up over batches.

Clean, stored and perturbed images share these two compiled programs. Their number does not matter.
Both programs are of several networks, see `over_networks`.
"""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from selectax.dimensionality import (
    Covariance,
    components_for_variance,
    effective_rank,
    init_covariance,
    participation_ratio,
    principal_variances,
    update_covariance,
)
from selectax.models.network import shapes_of_layers
from selectax.selectivity import (
    ClassMoments,
    class_means,
    class_selectivity_index,
    dead_units,
    init_class_moments,
    share_selective,
    unit_responses,
    update_class_moments,
)
from selectax.study.measures.computation.over_networks import over_networks

Variables = Mapping[str, Any]
Apply = Callable[[Variables, Array], tuple[Array, dict[str, Array]]]
# Names and numbers of units of the layers, in order of depth.
Layers = tuple[tuple[str, int], ...]


class Sums(NamedTuple):
    """What is added up over batches.

    Attributes:
      moments: moments of the responses of all units, by class.
      least: minimum of 0 and the smallest response of each unit.
      responses: covariances of the responses of all layers with the same number of units, stacked.
      differences: the same for the differences from the responses to the clean images.
    """

    moments: ClassMoments
    least: Float[Array, "units"]
    responses: dict[int, Covariance]
    differences: dict[int, Covariance]


class OfBatch(NamedTuple):
    """Measurements of the images of one batch.

    Attributes:
      predictions: class with the largest logit.
      finite: whether all logits are finite; True for padding.
      responses: responses of each layer.
    """

    predictions: Int[Array, "samples"]
    finite: Bool[Array, "samples"]
    responses: dict[str, Float[Array, "samples units"]]


class Dimensionality(NamedTuple):
    """Dimensionality of the responses of each layer.

    Attributes:
      components: number of principal components that explain 90, 95 and 99 % of the variance.
      participation_ratio: effective number of dimensions, (sum λ)² / sum λ².
      effective_rank: exponential of the entropy of the singular values.
    """

    components: Int[Array, "*strengths layers 3"]
    participation_ratio: Float[Array, "*strengths layers"]
    effective_rank: Float[Array, "*strengths layers"]


class Summary(NamedTuple):
    """Measurements over all batches; layers are in order of depth.

    Attributes:
      selectivity: class selectivity index of each unit of each layer.
      responses: dimensionality of the responses.
      differences: dimensionality of the differences from the responses to the clean images.
      least: minimum of 0 and the smallest response of each unit of each layer.
      selective: share of units with an index above 0.75 in each layer.
      dead: 1 for each unit of each layer whose response is 0 to all images, otherwise 0.
    """

    selectivity: dict[str, Float[Array, "units"]]
    responses: Dimensionality
    differences: Dimensionality
    least: dict[str, Float[Array, "units"]]
    selective: dict[str, Float[Array, ""]]
    dead: dict[str, Float[Array, "units"]]


def layers_of(apply: Apply, variables: Variables, image_shape: tuple[int, ...]) -> Layers:
    """Names and numbers of units of a network's layers, in the order of its activations.

    Args:
      apply: function of the network, see `selectax.models.Network`.
      variables: variables of the network.
      image_shape: height, width and channels of an image.
    """
    images = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
    shapes = shapes_of_layers(apply, variables, images)
    return tuple((name, layer.shape[-1]) for name, layer in shapes.items())


def empty_sums(layers: Layers, num_classes: int) -> Sums:
    """Sums over no batches, as NumPy arrays, which compile nothing."""

    def init():
        covariances = _init_covariances(dict(layers))
        units = sum(number for _, number in layers)
        moments = init_class_moments(num_classes, units)
        return Sums(moments, jnp.zeros(units, jnp.float32), covariances, covariances)

    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(init))


@over_networks(each=("variables", "sums", "images", "clean"), static=("apply",))
def measure_batch(
    variables: Variables,
    sums: Sums,
    images: Float[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    where: Bool[Array, "samples"],
    clean: dict[str, Float[Array, "samples units"]],
    *,
    apply: Apply,
) -> tuple[Sums, OfBatch]:
    """Measures one batch of images, and adds it to the sums.

    Args:
      variables: variables of the network.
      sums: sums over the batches so far.
      images: images in [0, 1]: clean or perturbed.
      labels: their classes.
      where: True for images, False for padding.
      clean: responses to the clean images.
      apply: function of the network, see `selectax.models.Network`.
    """
    logits, activations = apply(variables, images)
    # Sorted as in `summarize`, because the order of a dict is lost where JAX passes it on.
    responses = {name: unit_responses(activations[name]) for name in sorted(activations)}
    differences = {name: responses[name] - clean[name] for name in responses}
    side_by_side = jnp.concatenate([*responses.values()], axis=1)
    added = Sums(
        update_class_moments(sums.moments, side_by_side, labels, where=where),
        jnp.minimum(sums.least, jnp.min(side_by_side, axis=0, where=where[:, None], initial=0)),
        _update_covariances(sums.responses, responses, where),
        _update_covariances(sums.differences, differences, where),
    )
    predictions = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    finite = jnp.all(jnp.isfinite(logits), axis=-1) | ~where
    return added, OfBatch(predictions, finite, responses)


@over_networks(each=("sums",), static=("layers",))
def summarize(sums: Sums, *, layers: Layers) -> Summary:
    """Selectivity and dimensionality of what was added up by `measure_batch`.

    Args:
      sums: sums over all batches.
      layers: as returned by `layers_of`.
    """
    units = dict(sorted(layers))
    index = class_selectivity_index(*class_means(sums.moments))
    selectivity, least, dead = (
        _by_layer(values, units) for values in (index, sums.least, dead_units(sums.moments))
    )
    return Summary(
        selectivity,
        _dimensionality(sums.responses, units),
        _dimensionality(sums.differences, units),
        least,
        {name: share_selective(of_units) for name, of_units in selectivity.items()},
        dead,
    )


def _by_layer(
    values: Float[Array, "units"], units: Mapping[str, int]
) -> dict[str, Float[Array, "units"]]:
    """Values of the units of all layers, split into layers."""
    ends = list(itertools.accumulate(units.values()))
    return dict(zip(units, jnp.split(values, ends[:-1], axis=-1), strict=True))


def _layers_by_width(units: Mapping[str, int]) -> dict[int, list[str]]:
    widths = sorted(set(units.values()))
    return {width: [name for name in units if units[name] == width] for width in widths}


def _init_covariances(units: Mapping[str, int]) -> dict[int, Covariance]:
    """Initializes one stacked covariance state for all layers of the same width."""
    return {
        width: jax.vmap(lambda _, width=width: init_covariance(width))(jnp.arange(len(names)))
        for width, names in _layers_by_width(units).items()
    }


def _update_covariances(covariances, responses, where):
    names = _layers_by_width({name: layer.shape[-1] for name, layer in responses.items()})
    update = jax.vmap(functools.partial(update_covariance, where=where))
    return {
        width: update(state, jnp.stack([responses[name] for name in names[width]]))
        for width, state in covariances.items()
    }


def _dimensionality(covariances: dict[int, Covariance], units: Mapping[str, int]):
    def of_layer(state):
        variances = principal_variances(state)
        return Dimensionality(
            components_for_variance(variances),
            participation_ratio(variances),
            effective_rank(variances),
        )

    of_layers = {}
    for width, names in _layers_by_width(units).items():
        stacked = jax.vmap(of_layer)(covariances[width])
        for position, name in enumerate(names):
            of_layers[name] = jax.tree.map(lambda leaf, at=position: leaf[at], stacked)
    return jax.tree.map(lambda *layers: jnp.stack(layers), *(of_layers[name] for name in units))
