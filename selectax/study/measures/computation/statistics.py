"""Accuracy, selectivity and dimensionality of trained networks, batch by batch.

Networks are measured side by side, each on a device of its own, see `over_networks`. Results have
them on the first axis. No function waits for a batch before it starts the next one. They wait once,
for the results.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, UInt8, UInt32

from selectax.attacks import Attack
from selectax.datasets.pipeline.batches import Batches, one_by_one, to_unit_range
from selectax.study.measures.computation.attacked import attack_batch
from selectax.study.measures.computation.one_batch import (
    Apply,
    Dimensionality,
    Layers,
    Summary,
    Variables,
    empty_sums,
    layers_of,
    measure_batch,
    summarize,
)
from selectax.study.measures.computation.over_networks import for_each, over_networks
from selectax.study.runtime.waiting import fetch

# Responses of each layer to each batch of clean images, on the device of each network.
Responses = Sequence[dict[str, Float[Array, "networks samples units"]]]

_to_unit_range = over_networks(each=("images",))(to_unit_range)


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

    correct: Bool[np.ndarray, "*networks batches samples"]
    selectivity: dict[str, Float[np.ndarray, "*networks units"]]
    dimensionality: Dimensionality
    finite: Bool[np.ndarray, "*networks batches samples"]
    least: dict[str, Float[np.ndarray, "*networks units"]]
    selective: dict[str, Float[np.ndarray, "*networks"]]
    dead: dict[str, Float[np.ndarray, "*networks units"]]


class PerturbedMeasures(NamedTuple):
    """Measurements of a network on perturbed images, for each strength of the perturbation.

    Attributes:
      correct: whether each image is classified correctly; False for padding.
      perturbed: dimensionality of the responses to perturbed images.
      difference: dimensionality of the difference between the responses to perturbed and clean
        images.
      selectivity: class selectivity index of each unit of each layer on perturbed images.
    """

    correct: Bool[np.ndarray, "*networks strengths batches samples"]
    perturbed: Dimensionality
    difference: Dimensionality
    selectivity: dict[str, Float[np.ndarray, "*networks strengths units"]]


def measure_clean(
    variables: Variables,
    batches: Batches,
    *,
    apply: Apply,
    num_classes: int,
    mesh: Mesh | None = None,
) -> tuple[CleanMeasures, Responses]:
    """Measures accuracy, selectivity and dimensionality on clean images.

    Args:
      variables: variables of the networks, stacked.
      batches: clean images and their labels.
      apply: function of the network, see `selectax.models.Network`.
      num_classes: number of classes.
      mesh: devices of the networks.

    Returns:
      Measurements of each image, unit and layer, and the responses to the images.
    """
    batches = jax.device_get(batches)
    layers = layers_of(apply, shapes_of_one(variables), batches.images.shape[2:])
    sums, found = for_each(empty_sums(layers, num_classes), mesh), []
    unknown = no_responses(batches.labels[0], layers, mesh)
    for batch in one_by_one(batches):
        sums, of_batch = measure_batch(
            variables=variables,
            sums=sums,
            images=_to_unit_range(images=for_each(batch.images, mesh), mesh=mesh),
            labels=batch.labels,
            where=batch.where,
            clean=unknown,
            apply=apply,
            mesh=mesh,
        )
        found.append(of_batch)
    summary = summarize(sums=sums, layers=layers, mesh=mesh)
    predictions = [of_batch.predictions for of_batch in found]
    finite = [of_batch.finite for of_batch in found]
    summary, predictions, finite = fetch((summary, predictions, finite))
    measures = CleanMeasures(
        correct=_correct(predictions, batches),
        selectivity=summary.selectivity,
        dimensionality=summary.responses,
        finite=np.stack(finite, axis=1),
        least=summary.least,
        selective=summary.selective,
        dead=summary.dead,
    )
    return measures, [of_batch.responses for of_batch in found]


def measure_attacked(
    keys: UInt32[np.ndarray, "networks ..."],
    variables: Variables,
    batches: Batches,
    clean: Responses,
    epsilons: Float[np.ndarray, "epsilons"],
    steps: int,
    *,
    apply: Apply,
    attack: Attack,
    norm: Literal["linf", "l2"] = "linf",
    restarts: int = 1,
    num_classes: int,
    mesh: Mesh | None = None,
) -> PerturbedMeasures:
    """Attacks images, and measures accuracy, dimensionality and selectivity on them.

    Args:
      keys: data of each network's PRNG key, for random starts.
      variables: variables of the networks, stacked.
      batches: clean images and their labels.
      clean: responses to the clean images, as returned by `measure_clean`.
      epsilons: radii of the balls.
      steps: number of steps.
      apply: function of the network, see `selectax.models.Network`.
      attack: an entry of `selectax.attacks.ATTACKS` or your own.
      norm: norm of the balls.
      restarts: number of random starts, of attacks that start at random.
      num_classes: number of classes.
      mesh: devices of the networks.

    Returns:
      Measurements for each epsilon.
    """
    batches, epsilons = jax.device_get(batches), np.asarray(epsilons, np.float32)

    def attacked(number: int, at: int) -> Array:
        return attack_batch(
            key=keys,
            number=np.int32(number),
            variables=variables,
            images=batches.images[number],
            labels=batches.labels[number],
            epsilon=epsilons[at],
            steps=np.int32(steps),
            apply=apply,
            attack=attack,
            norm=norm,
            restarts=restarts,
            mesh=mesh,
        )

    return _measure_perturbed(
        variables, batches, clean, attacked, len(epsilons), apply, num_classes, mesh
    )


def measure_stored(
    variables: Variables,
    batches: Batches,
    clean: Responses,
    stored: UInt8[np.ndarray, "batches strengths samples height width channels"],
    *,
    apply: Apply,
    num_classes: int,
    mesh: Mesh | None = None,
) -> PerturbedMeasures:
    """Measures accuracy, dimensionality and selectivity on stored perturbed images.

    Args:
      variables: variables of the networks, stacked.
      batches: clean images and their labels.
      clean: responses to the clean images, as returned by `measure_clean`.
      stored: perturbed copies of the images, for each strength.
      apply: function of the network, see `selectax.models.Network`.
      num_classes: number of classes.
      mesh: devices of the networks.

    Returns:
      Measurements for each strength.
    """

    def perturbed(number: int, at: int) -> Array:
        return _to_unit_range(images=for_each(stored[number, at], mesh), mesh=mesh)

    return _measure_perturbed(
        variables,
        jax.device_get(batches),
        clean,
        perturbed,
        stored.shape[1],
        apply,
        num_classes,
        mesh,
    )


def no_responses(
    labels: Int[Array, "samples"], layers: Layers, mesh: Mesh | None
) -> dict[str, Float[Array, "networks samples units"]]:
    """Responses of 0 to one batch, for images whose clean versions are not known.

    Args:
      labels: labels of the batch.
      layers: as returned by `layers_of`.
      mesh: devices of the networks.
    """
    zeros: dict[str, Any] = {
        name: np.zeros((len(labels), units), np.float32) for name, units in layers
    }
    return for_each(zeros, mesh)


def shapes_of_one(stacked: Variables) -> Variables:
    """The shapes of the variables of one network."""
    return jax.eval_shape(lambda tree: jax.tree.map(lambda leaf: leaf[0], tree), stacked)


def _measure_perturbed(
    variables: Variables,
    batches: Batches,
    clean: Responses,
    perturbed: Callable[[int, int], Array],
    strengths: int,
    apply: Apply,
    num_classes: int,
    mesh: Mesh | None,
) -> PerturbedMeasures:
    """Measures the images `perturbed(number of the batch, number of the strength)`."""
    layers = layers_of(apply, shapes_of_one(variables), batches.images.shape[2:])
    sums = [for_each(empty_sums(layers, num_classes), mesh)] * strengths
    predictions: list[list[Array]] = [[] for _ in sums]
    for number, batch in enumerate(one_by_one(batches)):
        for at in range(strengths):
            sums[at], of_batch = measure_batch(
                variables=variables,
                sums=sums[at],
                images=perturbed(number, at),
                labels=batch.labels,
                where=batch.where,
                clean=clean[number],
                apply=apply,
                mesh=mesh,
            )
            predictions[at].append(of_batch.predictions)
    summaries: list[Summary] = [summarize(sums=one, layers=layers, mesh=mesh) for one in sums]
    summaries, predictions = fetch((summaries, predictions))
    summary = jax.tree.map(lambda *leaves: np.stack(leaves, axis=1), *summaries)
    return PerturbedMeasures(
        np.stack([_correct(of_strength, batches) for of_strength in predictions], axis=1),
        summary.responses,
        summary.differences,
        summary.selectivity,
    )


def _correct(
    predictions: Sequence[Any], batches: Batches
) -> Bool[np.ndarray, "networks batches samples"]:
    return (np.stack(predictions, axis=1) == batches.labels) & batches.where
