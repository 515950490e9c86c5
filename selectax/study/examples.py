"""A few test images, perturbed, with the classes that a network predicts."""

import functools
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from selectax.corruptions import Corruption
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.models.network import Network
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.computation.own_corruptions import OwnCorruptions
from selectax.study.measures.computation.statistics import Perturbation
from selectax.study.measures.subject import EvaluationImages
from selectax.study.runtime.waiting import fetch

_IMAGES = 6


class Examples(NamedTuple):
    """Images in [0, 1] and predicted classes by the perturbation's title, clean ones first."""

    images: dict[str, Float[np.ndarray, "samples height width channels"]]
    predictions: dict[str, Int[np.ndarray, "samples"]]
    labels: Int[np.ndarray, "samples"]


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
    # As arrays of NumPy, whose indexing compiles nothing.
    shown, labels, clean = (
        np.asarray(part)[0]
        for part in (images.attacked.where, images.attacked.labels, images.attacked.images)
    )
    labels, clean = labels[shown][:_IMAGES], to_unit_range(clean[shown][:_IMAGES])
    # By title: the perturbation, its strength, and the number of steps of an attack.
    perturbations: dict[str, tuple[Perturbation | None, float, int]] = {"clean": (None, 0.0, 0)}
    if "corruptions" in options.measures and options.corruptions:
        name, severity = options.corruptions[0], max(options.severities)
        corruption = Perturbation(_source(images, name), benchmark=images.benchmark)
        title = f"{name.replace('_', ' ')}\nseverity {severity}"
        perturbations[title] = (corruption, float(severity), 0)
    if "attacks" in options.measures:
        attack = Perturbation("pgd", norm=options.norm, restarts=options.pgd_restarts)
        epsilon, steps = max(options.epsilons), max(options.pgd_steps)
        perturbations[f"PGD, {steps} steps\nε = {epsilon:g}/255"] = (
            attack,
            epsilon / 255,
            steps,
        )
    found = {}
    for title, (perturbation, strength, steps) in perturbations.items():
        key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(title.encode()))
        found[title] = fetch(
            _perturbed(
                key,
                variables,
                clean,
                labels,
                np.float32(strength),
                np.int32(steps),
                apply=network.apply,
                perturbation=perturbation,
            )
        )
    images_there, predictions = (
        {title: part[at] for title, part in found.items()} for at in (0, 1)
    )
    return Examples(images_there, predictions, labels)


@functools.partial(jax.jit, static_argnames=("apply", "perturbation"))
def _perturbed(key, variables, images, labels, strength, steps, *, apply, perturbation):
    """The images after the perturbation, if there is one, and their predicted classes."""

    def logits_fn(images):
        return apply(variables, images)[0]

    if perturbation is not None:
        images = perturbation(key, logits_fn, images, labels, strength, steps)
    return images, jnp.argmax(logits_fn(images), axis=-1)


def _source(images: EvaluationImages, name: str) -> str | Corruption:
    """The corruption with this name: your own, or one of our table."""
    return images.corrupted.named(name) if isinstance(images.corrupted, OwnCorruptions) else name
