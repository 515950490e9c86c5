"""Accuracy, selectivity and dimensionality of one trained network, streamed over batches.

Each function is compiled once for all networks of an architecture. All strengths of a perturbation
share one program and the responses to the clean images.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8

from selectax.attacks import ATTACKS, Attack, run_attack
from selectax.corruptions import Corruption, corrupt, to_published_bytes
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.dimensionality import (
    Covariance,
    components_for_variance,
    effective_rank,
    init_covariance,
    participation_ratio,
    principal_variances,
    update_covariance,
)
from selectax.selectivity import (
    class_means,
    class_selectivity_index,
    dead_units,
    init_class_moments,
    share_selective,
    unit_responses,
    update_class_moments,
)

Variables = Mapping[str, Any]
Apply = Callable[[Variables, Array], tuple[Array, dict[str, Array]]]


@dataclasses.dataclass(frozen=True)
class Perturbation:
    """What perturbs images; static in compiled programs, while strength and steps are traced.

    Attributes:
      source: a corruption or an attack, by name or as an entry of its table.
      benchmark: whose severities corruptions have.
      norm: of attacks.
      restarts: of attacks that start at random.
    """

    source: str | Attack | Corruption
    benchmark: Benchmark = "cifar10"
    norm: Literal["linf", "l2"] = "linf"
    restarts: int = 1

    def __call__(
        self,
        key: PRNGKeyArray,
        logits_fn: Callable[[Array], Array],
        images: Float[Array, "samples height width channels"],
        labels: Int[Array, "samples"],
        strength: Array,
        steps: Int[Array, ""],
    ) -> Float[Array, "samples height width channels"]:
        """Perturbed images in [0, 1]; strength is a severity or an epsilon."""
        source = self.source
        if isinstance(source, str):
            source = ATTACKS.get(source, source)
        if isinstance(source, Attack):
            ball: dict[str, Any] = {"epsilon": strength, "norm": self.norm, "steps": steps}
            if source.starts_at_random(True):
                ball["restarts"] = self.restarts
            return run_attack(key, source, logits_fn, images, labels, **ball)
        severity = strength.astype(jnp.int32)
        corrupted = corrupt(key, images, source, severity, benchmark=self.benchmark)
        # As the published sets hold them.
        return to_unit_range(to_published_bytes(corrupted))


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


class CleanMeasures(NamedTuple):
    """Measurements of a network on clean images; layers are in order of depth.

    Attributes:
      correct: whether each image is classified correctly; False for padding.
      selectivity: class selectivity index of each unit of each layer.
      dimensionality: dimensionality of the responses.
      finite: whether all logits of each image are finite; True for padding.
      least: minimum of 0 and the smallest response of each unit of each layer.
      selective: share of units with an index above 0.75 in each layer.
      dead: 1 for each unit of each layer whose response is 0 to all images, otherwise 0.
    """

    correct: Bool[Array, "batches samples"]
    selectivity: dict[str, Float[Array, "units"]]
    dimensionality: Dimensionality
    finite: Bool[Array, "batches samples"]
    least: dict[str, Float[Array, "units"]]
    selective: dict[str, Float[Array, ""]]
    dead: dict[str, Float[Array, "units"]]


class PerturbedMeasures(NamedTuple):
    """Measurements of a network on perturbed images, for each strength of the perturbation.

    Attributes:
      correct: whether each image is classified correctly; False for padding.
      perturbed: dimensionality of the responses to perturbed images.
      difference: dimensionality of the difference between the responses to perturbed and clean
        images.
      selectivity: class selectivity index of each unit of each layer on perturbed images.
    """

    correct: Bool[Array, "strengths batches samples"]
    perturbed: Dimensionality
    difference: Dimensionality
    selectivity: dict[str, Float[Array, "strengths units"]]


@functools.partial(jax.jit, static_argnames=("apply", "num_classes"))
def measure_clean(
    variables: Variables, batches: Batches, *, apply: Apply, num_classes: int
) -> CleanMeasures:
    """Measures accuracy, selectivity and dimensionality on clean images.

    Args:
      variables: variables of the network.
      batches: clean images and their labels.
      apply: function of the network, see `selectax.models.Network`.
      num_classes: number of classes.

    Returns:
      Measurements of each image, unit and layer.
    """
    units = _units(apply, variables, batches)

    def add_batch(state, batch):
        moments, covariances = state
        logits, responses = _respond(apply, variables, to_unit_range(batch.images))
        side_by_side = jnp.concatenate([responses[name] for name in units], axis=1)
        moments = update_class_moments(moments, side_by_side, batch.labels, where=batch.where)
        covariances = _update_covariances(covariances, responses, batch.where)
        finite = jnp.all(jnp.isfinite(logits), axis=-1) | ~batch.where
        least = jnp.min(side_by_side, axis=0, where=batch.where[:, None], initial=0)
        return (moments, covariances), (_correct(logits, batch), finite, least)

    moments = init_class_moments(num_classes, sum(units.values()))
    (moments, covariances), (correct, finite, least) = jax.lax.scan(
        add_batch, (moments, _init_covariances(units)), batches
    )
    index = class_selectivity_index(*class_means(moments))
    selectivity, least, dead = (
        _by_layer(values, units) for values in (index, jnp.min(least, axis=0), dead_units(moments))
    )
    dimensionality = _dimensionality(covariances, units)
    selective = {name: share_selective(of_units) for name, of_units in selectivity.items()}
    return CleanMeasures(correct, selectivity, dimensionality, finite, least, selective, dead)


@functools.partial(jax.jit, static_argnames=("apply", "perturbation", "num_classes"))
def measure_perturbed(
    key: PRNGKeyArray,
    variables: Variables,
    batches: Batches,
    strengths: Float[Array, "strengths"],
    steps: Int[Array, ""],
    *,
    apply: Apply,
    perturbation: Perturbation,
    num_classes: int,
) -> PerturbedMeasures:
    """Perturbs images, and measures accuracy, dimensionality and selectivity on them.

    Args:
      key: PRNG key for random corruptions and for random starts of attacks.
      variables: variables of the network.
      batches: clean images and their labels.
      strengths: severities or epsilons; traced.
      steps: number of steps of attacks; traced.
      apply: function of the network, see `selectax.models.Network`.
      perturbation: function that perturbs the images.
      num_classes: number of classes.

    Returns:
      Measurements for each strength.
    """

    def logits_fn(images):
        return apply(variables, images)[0]

    def perturb(images, labels, key_and_strength):
        batch_key, strength = key_and_strength
        return perturbation(batch_key, logits_fn, images, labels, strength, steps)

    # All strengths use the same random draws for a batch.
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(batches.labels)))
    each = (len(keys), len(strengths))
    inputs = (jnp.broadcast_to(keys[:, None], each), jnp.broadcast_to(strengths, each))
    clean = _responses(variables, batches, apply)
    return _measure_perturbed(variables, batches, clean, inputs, perturb, apply, num_classes)


@functools.partial(jax.jit, static_argnames="apply")
def clean_responses(
    variables: Variables, batches: Batches, *, apply: Apply
) -> dict[str, Float[Array, "batches samples units"]]:
    """Responses of each layer to clean images, with which `measure_stored` computes differences."""
    return _responses(variables, batches, apply)


@functools.partial(jax.jit, static_argnames=("apply", "num_classes"))
def measure_stored(
    variables: Variables,
    batches: Batches,
    clean: dict[str, Float[Array, "batches samples units"]],
    stored: UInt8[Array, "batches strengths samples height width channels"],
    *,
    apply: Apply,
    num_classes: int,
) -> PerturbedMeasures:
    """Measures accuracy, dimensionality and selectivity on stored perturbed images.

    Args:
      variables: variables of the network.
      batches: clean images and their labels.
      clean: responses of the network to the clean images, as returned by `clean_responses`.
      stored: perturbed copies of the images, for each strength.
      apply: function of the network, see `selectax.models.Network`.
      num_classes: number of classes.

    Returns:
      Measurements for each strength.
    """
    return _measure_perturbed(
        variables,
        batches,
        clean,
        stored,
        lambda _images, _labels, there: to_unit_range(there),
        apply,
        num_classes,
    )


def _measure_perturbed(
    variables, batches, clean, inputs, perturb, apply, num_classes
) -> PerturbedMeasures:
    """Measures images perturbed by `perturb(images, labels, entry of inputs)`.

    Each entry of `inputs` belongs to one batch and one strength, on the first and second axis.
    """
    units = {name: layer.shape[-1] for name, layer in clean.items()}

    def add_batch(state, of_batch):
        batch, clean, inputs = of_batch
        images = to_unit_range(batch.images)

        def add_strength(state_and_input):
            (perturbed, difference, moments), of_strength = state_and_input
            images_there = perturb(images, batch.labels, of_strength)
            logits, responses = _respond(apply, variables, images_there)
            shift = {name: responses[name] - clean[name] for name in units}
            perturbed = _update_covariances(perturbed, responses, batch.where)
            difference = _update_covariances(difference, shift, batch.where)
            side_by_side = jnp.concatenate([responses[name] for name in units], axis=1)
            moments = update_class_moments(moments, side_by_side, batch.labels, where=batch.where)
            return (perturbed, difference, moments), _correct(logits, batch)

        return jax.lax.map(add_strength, (state, inputs))

    strengths = jax.tree.leaves(inputs)[0].shape[1]
    covariances = _init_covariances(units)
    empty = (covariances, covariances, init_class_moments(num_classes, sum(units.values())))
    empty = jax.tree.map(lambda leaf: jnp.zeros((strengths, *leaf.shape)), empty)
    (perturbed, difference, moments), correct = jax.lax.scan(
        add_batch, empty, (batches, clean, inputs)
    )
    dimensionality = jax.vmap(functools.partial(_dimensionality, units=units))
    index = jax.vmap(lambda state: class_selectivity_index(*class_means(state)))(moments)
    return PerturbedMeasures(
        correct.swapaxes(0, 1),
        dimensionality(perturbed),
        dimensionality(difference),
        _by_layer(index, units),
    )


def _by_layer(
    values: Float[Array, "*strengths units"], units: Mapping[str, int]
) -> dict[str, Float[Array, "*strengths units"]]:
    """Values of the units of all layers, split into layers."""
    ends = list(itertools.accumulate(units.values()))
    return dict(zip(units, jnp.split(values, ends[:-1], axis=-1), strict=True))


def _units(apply, variables, batches: Batches) -> dict[str, int]:
    images = jax.ShapeDtypeStruct((1, *batches.images.shape[2:]), jnp.float32)
    _, activations = jax.eval_shape(apply, variables, images)
    return {name: layer.shape[-1] for name, layer in activations.items()}


def _responses(variables, batches: Batches, apply):
    def of_batch(images):
        return _respond(apply, variables, to_unit_range(images))[1]

    return jax.lax.map(of_batch, batches.images)


def _respond(apply, variables, images):
    logits, activations = apply(variables, images)
    return logits, {name: unit_responses(layer) for name, layer in activations.items()}


def _correct(logits, batch):
    return (jnp.argmax(logits, axis=-1) == batch.labels) & batch.where


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
