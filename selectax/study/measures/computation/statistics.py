"""Accuracy, selectivity and dimensionality of one trained network, batch by batch.

No function waits for a batch before it starts the next one. They wait once, for the results.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8

from selectax.datasets.pipeline.batches import Batches, to_unit_range
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
from selectax.study.measures.computation.perturbation import Perturbation, perturb_batch
from selectax.study.runtime.waiting import fetch

# Responses of each layer to each batch of clean images.
Responses = Sequence[Mapping[str, Float[Array, "samples units"]]]

_to_unit_range = jax.jit(to_unit_range)


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
      responses: responses of each layer to each batch, on the device.
    """

    correct: Bool[np.ndarray, "batches samples"]
    selectivity: dict[str, Float[np.ndarray, "units"]]
    dimensionality: Dimensionality
    finite: Bool[np.ndarray, "batches samples"]
    least: dict[str, Float[np.ndarray, "units"]]
    selective: dict[str, Float[np.ndarray, ""]]
    dead: dict[str, Float[np.ndarray, "units"]]
    responses: Responses


class PerturbedMeasures(NamedTuple):
    """Measurements of a network on perturbed images, for each strength of the perturbation.

    Attributes:
      correct: whether each image is classified correctly; False for padding.
      perturbed: dimensionality of the responses to perturbed images.
      difference: dimensionality of the difference between the responses to perturbed and clean
        images.
      selectivity: class selectivity index of each unit of each layer on perturbed images.
    """

    correct: Bool[np.ndarray, "strengths batches samples"]
    perturbed: Dimensionality
    difference: Dimensionality
    selectivity: dict[str, Float[np.ndarray, "strengths units"]]


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
    batches = jax.device_get(batches)
    layers = layers_of(apply, variables, batches.images.shape[2:])
    sums, found = empty_sums(layers, num_classes), []
    unknown = no_responses(batches.labels[0], layers)
    for images, labels, where in _each(batches):
        sums, of_batch = measure_batch(
            variables, sums, _to_unit_range(images), labels, where, unknown, apply=apply
        )
        found.append(of_batch)
    summary = summarize(sums, layers=layers)
    predictions = [of_batch.predictions for of_batch in found]
    finite = [of_batch.finite for of_batch in found]
    summary, predictions, finite = fetch((summary, predictions, finite))
    return CleanMeasures(
        correct=_correct(predictions, batches),
        selectivity=summary.selectivity,
        dimensionality=summary.responses,
        finite=np.stack(finite),
        least=summary.least,
        selective=summary.selective,
        dead=summary.dead,
        responses=[of_batch.responses for of_batch in found],
    )


def measure_perturbed(
    key: PRNGKeyArray,
    variables: Variables,
    batches: Batches,
    clean: Responses,
    strengths: Float[np.ndarray, "strengths"],
    steps: int,
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
      clean: responses of the network to the clean images, as in `CleanMeasures`.
      strengths: severities or epsilons.
      steps: number of steps of attacks.
      apply: function of the network, see `selectax.models.Network`.
      perturbation: function that perturbs the images.
      num_classes: number of classes.

    Returns:
      Measurements for each strength.
    """
    batches, strengths = jax.device_get(batches), np.asarray(strengths, np.float32)

    def perturbed(number: int, at: int) -> Array:
        return perturb_batch(
            key,
            np.int32(number),
            variables,
            batches.images[number],
            batches.labels[number],
            strengths[at],
            np.int32(steps),
            apply=apply,
            perturbation=perturbation,
        )

    return _measure_perturbed(
        variables, batches, clean, perturbed, len(strengths), apply, num_classes
    )


def measure_stored(
    variables: Variables,
    batches: Batches,
    clean: Responses,
    stored: UInt8[np.ndarray, "batches strengths samples height width channels"],
    *,
    apply: Apply,
    num_classes: int,
) -> PerturbedMeasures:
    """Measures accuracy, dimensionality and selectivity on stored perturbed images.

    Args:
      variables: variables of the network.
      batches: clean images and their labels.
      clean: responses of the network to the clean images, as in `CleanMeasures`.
      stored: perturbed copies of the images, for each strength.
      apply: function of the network, see `selectax.models.Network`.
      num_classes: number of classes.

    Returns:
      Measurements for each strength.
    """
    batches = jax.device_get(batches)

    def perturbed(number: int, at: int) -> Array:
        return _to_unit_range(stored[number, at])

    return _measure_perturbed(
        variables, batches, clean, perturbed, stored.shape[1], apply, num_classes
    )


def no_responses(
    labels: Int[Array, "samples"], layers: Layers
) -> dict[str, Float[Array, "samples units"]]:
    """Responses of 0 to one batch, for images whose clean versions are not known.

    Args:
      labels: labels of the batch.
      layers: as returned by `layers_of`.
    """
    zeros: dict[str, Any] = {
        name: np.zeros((len(labels), units), np.float32) for name, units in layers
    }
    return zeros


def _measure_perturbed(
    variables: Variables,
    batches: Batches,
    clean: Responses,
    perturbed: Callable[[int, int], Array],
    strengths: int,
    apply: Apply,
    num_classes: int,
) -> PerturbedMeasures:
    """Measures the images `perturbed(number of the batch, number of the strength)`."""
    layers = layers_of(apply, variables, batches.images.shape[2:])
    sums = [empty_sums(layers, num_classes)] * strengths
    predictions: list[list[Array]] = [[] for _ in sums]
    for number, (_, labels, where) in enumerate(_each(batches)):
        for at in range(strengths):
            sums[at], of_batch = measure_batch(
                variables,
                sums[at],
                perturbed(number, at),
                labels,
                where,
                dict(clean[number]),
                apply=apply,
            )
            predictions[at].append(of_batch.predictions)
    summaries: list[Summary]
    summaries, predictions = fetch(([summarize(one, layers=layers) for one in sums], predictions))
    summary = jax.tree.map(lambda *leaves: np.stack(leaves), *summaries)
    return PerturbedMeasures(
        np.stack([_correct(of_strength, batches) for of_strength in predictions]),
        summary.responses,
        summary.differences,
        summary.selectivity,
    )


def _each(batches: Batches):
    return zip(batches.images, batches.labels, batches.where, strict=True)


def _correct(predictions: Sequence[Any], batches: Batches) -> Bool[np.ndarray, "batches samples"]:
    return (np.stack(predictions) == batches.labels) & batches.where
