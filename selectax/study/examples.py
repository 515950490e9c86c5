"""A few test images, perturbed, with the classes that a network predicts, and which network."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from selectax.attacks import ATTACKS
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.models.network import Network
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.computation.attacked import attack_batch
from selectax.study.measures.computation.one_batch import empty_sums, layers_of, measure_batch
from selectax.study.measures.computation.over_networks import for_each, stack
from selectax.study.measures.computation.own_corruptions import (
    OwnCorruptions,
    corrupt_batches,
    key_of,
)
from selectax.study.measures.computation.statistics import no_responses
from selectax.study.measures.subject import EvaluationImages
from selectax.study.run.networks import NetworkId
from selectax.study.runtime.waiting import fetch
from selectax.study.training.population import Population, best_of

_IMAGES = 6


class Examples(NamedTuple):
    """Images in [0, 1] and predicted classes by the perturbation's title, clean ones first."""

    images: dict[str, Float[np.ndarray, "samples height width channels"]]
    predictions: dict[str, Int[np.ndarray, "samples"]]
    labels: Int[np.ndarray, "samples"]


class Shown(NamedTuple):
    """The trained network whose example images are shown."""

    network: NetworkId
    variables: Mapping[str, Any]


def has_images(options: EvaluationOptions) -> bool:
    """Whether the measures perturb images, so that there are examples to show."""
    return not {"corruptions", "attacks"}.isdisjoint(options.measures)


def network_to_show(
    shown: Shown | None,
    group: Sequence[NetworkId],
    asked_for: Sequence[NetworkId],
    population: Population,
    table: pd.DataFrame,
) -> Shown | None:
    """The network whose images are shown: the one so far or one of this group.

    It has the first seed, the lowest strength of training, and the alpha nearest 0.
    """

    def rank(network):
        return network.seed, network.training_strength, abs(network.alpha), -network.alpha

    diverged = table[table["metric"] == "diverged"]
    columns = list(NetworkId._fields)
    useless = {NetworkId(*one) for one in diverged[columns].itertuples(index=False)}
    well = [network for network in asked_for if network not in useless]
    best = min(well, key=rank, default=None)
    if best is None or (shown is not None and rank(shown.network) <= rank(best)):
        return shown
    *_, variables = fetch(best_of(population, group.index(best)))
    return Shown(best, variables)


def perturb_examples(
    seed: int,
    variables: Mapping[str, Any],
    images: EvaluationImages,
    options: EvaluationOptions,
    *,
    network: Network,
) -> Examples:
    """Perturbs the first test images by the first corruption and by PGD, if these are measured.

    Args:
      seed: seed of the attack's random start.
      variables: the network's parameters and state.
      images: the first few of these are perturbed.
      options: the largest of their severities, epsilons and numbers of steps are used.
      network: its functions.
    """
    # Both begin with the same images. Whole batches, because those programs are compiled already.
    test, attacked = (
        jax.tree.map(lambda leaf: np.asarray(leaf)[0], batches)
        for batches in (images.test, images.attacked)
    )
    # By title: perturbed images, and the batch that they belong to.
    perturbed: dict[str, tuple[Any, Batches]] = {"clean": (to_unit_range(test.images), test)}
    if "corruptions" in options.measures and options.corruptions:
        name, severity = options.corruptions[0], max(options.severities)
        title = f"{name.replace('_', ' ')}\nseverity {severity}"
        perturbed[title] = to_unit_range(_corrupted(images, name, severity)), test
    if "attacks" in options.measures:
        epsilon, steps = max(options.epsilons), max(options.pgd_steps)
        title = f"PGD, {steps} steps\nε = {epsilon:g}/255"
        key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(title.encode()))
        there = attack_batch(
            key=stack([jax.random.key_data(key)], None),
            number=np.int32(0),
            variables=stack([variables], None),
            images=attacked.images,
            labels=attacked.labels,
            epsilon=np.float32(epsilon / 255),
            steps=np.int32(steps),
            apply=network.apply,
            attack=ATTACKS["pgd"],
            norm=options.norm,
            restarts=options.pgd_restarts,
        )
        perturbed[title] = fetch(there)[0], attacked
    shown = np.flatnonzero(attacked.where)[:_IMAGES]
    found_images, found_predictions = {}, {}
    for title, (there, batch) in perturbed.items():
        predictions = _predictions(variables, there, batch, network.apply)
        found_images[title], found_predictions[title] = there[shown], predictions[shown]
    return Examples(found_images, found_predictions, attacked.labels[shown])


def _predictions(variables, images, batch, apply):
    layers = layers_of(apply, variables, images.shape[1:])
    num_classes = jax.eval_shape(apply, variables, images)[0].shape[-1]
    _, found = measure_batch(
        variables=stack([variables], None),
        sums=for_each(empty_sums(layers, num_classes), None),
        images=for_each(images, None),
        labels=batch.labels,
        where=batch.where,
        clean=no_responses(batch.labels, layers, None),
        apply=apply,
    )
    return fetch(found.predictions)[0]


def _corrupted(images: EvaluationImages, name: str, severity: int) -> Any:
    """Returns the first batch of images under one corruption, as networks are measured on it."""
    source = images.corrupted.named(name) if isinstance(images.corrupted, OwnCorruptions) else name
    first = jax.tree.map(lambda leaf: np.asarray(leaf)[:1], images.test)
    corrupted = corrupt_batches(
        key_of(name), first, (severity,), name=source, benchmark=images.benchmark
    )
    return corrupted[0, 0]
