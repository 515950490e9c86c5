"""The rows on a network's robustness: under corruptions and under attacks."""

import functools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from selectax.attacks import attack_believability, masking_warnings, robust_within
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.perturbations import Perturbation
from selectax.study.measures.rows import EvaluationImages, Row, count, dimensionality_rows
from selectax.study.measures.statistics import (
    PerturbedMeasures,
    clean_responses,
    measure_perturbed,
    measure_stored,
)
from selectax.study.runtime.waiting import fetch


def corruption_rows(
    variables: Mapping[str, Any],
    images: EvaluationImages,
    clean_correct: Bool[np.ndarray, "batches samples"],
    options: EvaluationOptions,
    module: nn.Module,
    layers: Sequence[str],
) -> list[Row]:
    """Under each corruption at each severity, and means over all; see `measure_network`.

    Args:
      variables: of the network.
      images: to corrupt, or corrupted ones.
      clean_correct: which of the clean test images are classified correctly.
      options: what to measure.
      module: the network.
      layers: names of its layers.
    """
    severities, rows = options.severities, []
    official = images.corrupted.name
    dataset = {"dataset": official} if official else {}
    clean, responses = None, {}
    for name in options.corruptions or ():
        there, stored, paired = images.corrupted.corruption(name, severities)
        if there is not clean:
            clean, responses = there, clean_responses(variables, there, module=module)
        measured = fetch(measure_stored(variables, clean, responses, stored, module=module))
        accuracies = measured.correct.sum((1, 2)) / count(clean)
        # Of the images that were corrupted, or of all where these are not known.
        clean_there = clean_correct.ravel()[: count(clean) if paired else count(images.test)]
        for at, severity in enumerate(severities):
            where = dataset | {"perturbation": name, "severity": severity}
            rows += _accuracy_rows(accuracies[at], clean_there.mean(), where)
            if "dimensionality" in options.measures:
                rows += _perturbed_rows(measured, at, layers, where, paired)
    return rows + _mean_rows(rows, dataset)


def attack_rows(
    seed: int,
    variables: Mapping[str, Any],
    images: EvaluationImages,
    unattacked: Bool[np.ndarray, "samples"],
    options: EvaluationOptions,
    module: nn.Module,
    layers: Sequence[str],
) -> list[Row]:
    """Under FGSM and PGD with each epsilon; see `measure_network`.

    Args:
      seed: for random starts.
      variables: of the network.
      images: to attack.
      unattacked: which of these are classified correctly as they are.
      options: what to measure.
      module: the network.
      layers: names of its layers.
    """
    rows = []
    epsilons = np.asarray(options.epsilons) / 255
    for name, steps in [("fgsm", 1), *(("pgd", steps) for steps in options.pgd_steps)]:
        measured = fetch(
            measure_perturbed(
                jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode())),
                variables,
                images.attacked,
                jnp.asarray(epsilons, jnp.float32),
                jnp.asarray(steps, jnp.int32),
                module=module,
                perturbation=Perturbation(name, norm=options.norm, restarts=options.pgd_restarts),
            )
        )
        correct = measured.correct.reshape(len(epsilons), -1) & unattacked
        robust = np.asarray(robust_within(jnp.asarray(correct), jnp.asarray(epsilons)))
        attacked = count(images.attacked)
        # The curve begins with the clean images.
        accuracies = {0.0: unattacked.sum() / attacked}
        accuracies |= zip(epsilons.tolist(), robust.sum(1) / attacked, strict=True)
        for epsilon, accuracy in accuracies.items():
            where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
            rows.append({"metric": "accuracy", **where, "value": accuracy})
        for at, epsilon in enumerate(epsilons):
            where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
            # Without a perturbation the difference is nothing but rounding.
            if "dimensionality" in options.measures and epsilon > 0:
                rows += _perturbed_rows(measured, at, layers, where)
    return rows


@functools.partial(jax.jit, static_argnames=("module", "norm"))
def _believability(key, variables, images, labels, epsilon, steps, *, module, norm):
    def logits_fn(images):
        return module.apply(variables, images)[0]

    ball: dict[str, Any] = {"epsilon": epsilon, "norm": norm}
    return attack_believability(key, logits_fn, images, labels, steps=steps, **ball)


def believability_rows(
    seed: int,
    variables: Mapping[str, Any],
    attacked: Batches,
    options: EvaluationOptions,
    module: nn.Module,
) -> tuple[list[Row], tuple[str, ...]]:
    """How many signs of masked gradients PGD with the largest epsilon shows, and what they are.

    Args:
      seed: for random points and starts.
      variables: of the network.
      attacked: images, of which the first batch is taken.
      options: what to measure.
      module: the network.
    """
    shown = np.asarray(attacked.where[0])
    epsilon, steps = max(options.epsilons) / 255, max(options.pgd_steps)
    found = fetch(
        _believability(
            jax.random.key(seed),
            variables,
            to_unit_range(attacked.images[0][shown]),
            attacked.labels[0][shown],
            jnp.float32(epsilon),
            jnp.asarray(steps, jnp.int32),
            module=module,
            norm=options.norm,
        )
    )
    warnings = masking_warnings(found)
    where = {"perturbation": "pgd", "epsilon": epsilon, "steps": steps}
    return [{"metric": "masked_gradients", **where, "value": len(warnings)}], warnings


def _mean_rows(rows: list[Row], dataset: Row) -> list[Row]:
    """Means over all corruptions and severities."""
    return [
        {
            "metric": metric,
            **dataset,
            "perturbation": "corruptions",
            "value": np.mean([row["value"] for row in rows if row["metric"] == metric]),
        }
        for metric in ("accuracy", "relative_accuracy")
    ]


def _accuracy_rows(accuracy: float, clean_accuracy: float, where: Row) -> list[Row]:
    # A network that gets no clean image right has no accuracy to be relative to.
    relative = accuracy / clean_accuracy if clean_accuracy else np.nan
    return [
        {"metric": "accuracy", **where, "value": accuracy},
        {"metric": "relative_accuracy", **where, "value": relative},
    ]


def _perturbed_rows(measured: PerturbedMeasures, at: int, layers, where: Row, paired=True):
    perturbed, difference = jax.tree.map(
        lambda leaf: leaf[at], (measured.perturbed, measured.difference)
    )
    rows = dimensionality_rows(perturbed, layers, where)
    if paired:
        of_difference = where | {"perturbation": f"difference:{where['perturbation']}"}
        rows += dimensionality_rows(difference, layers, of_difference)
    return rows
