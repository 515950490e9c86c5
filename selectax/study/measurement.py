"""The rows of the results table that one trained network gives."""

import zlib
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from selectax.attacks import robust_within
from selectax.datasets.batches import Batches
from selectax.study.config import EvaluationOptions
from selectax.study.evaluation import (
    Dimensionality,
    PerturbedMeasures,
    layer_units,
    measure_clean,
    measure_perturbed,
)
from selectax.study.interruptible import fetch
from selectax.study.perturbations import Perturbation

Row = dict[str, Any]
SEVERITIES = (1, 2, 3, 4, 5)


def measure(
    seed: int,
    variables: Mapping[str, Any],
    test: Batches,
    attacked: Batches,
    options: EvaluationOptions,
    *,
    module: nn.Module,
    num_classes: int,
) -> list[Row]:
    """Measures a network.

    Args:
      seed: for corruptions that draw at random and for random starts of attacks.
      variables: of the network.
      test: clean images, for everything but attacks.
      attacked: clean images to attack.
      options: what to measure.
      module: the network.
      num_classes: classes of the data set.

    Returns:
      Rows with a metric, a value and what applies of layer, perturbation, severity, epsilon, steps.
    """
    layers = list(layer_units(module, test.images.shape[2:]))
    dimensionality = "dimensionality" in options.measures
    clean = fetch(measure_clean(variables, test, module=module, num_classes=num_classes))
    clean_accuracy = clean.correct.sum() / np.asarray(test.where).sum()
    rows = [{"metric": "accuracy", "value": clean_accuracy}]
    if "selectivity" in options.measures:
        means = {name: clean.selectivity[name].mean() for name in layers}
        rows.append({"metric": "class_selectivity", "value": np.mean(list(means.values()))})
        rows += [
            {"metric": "class_selectivity", "layer": name, "value": mean}
            for name, mean in means.items()
        ]
    if dimensionality:
        rows += _dimensionality_rows(clean.dimensionality, layers, {})

    def perturb(name, strengths, batches, steps) -> PerturbedMeasures:
        key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
        perturbation = Perturbation(name, norm=options.norm, restarts=options.pgd_restarts)
        measured = measure_perturbed(
            key,
            variables,
            batches,
            jnp.asarray(strengths, jnp.float32),
            jnp.asarray(steps, jnp.int32),
            module=module,
            perturbation=perturbation,
        )
        return fetch(measured)

    for name in options.corruptions if "corruptions" in options.measures else ():
        measured = perturb(name, SEVERITIES, test, 0)
        accuracies = measured.correct.sum((1, 2)) / np.asarray(test.where).sum()
        for at, severity in enumerate(SEVERITIES):
            where = {"perturbation": name, "severity": severity}
            rows.append({"metric": "accuracy", **where, "value": accuracies[at]})
            # A network that gets no clean image right has no accuracy to be relative to.
            relative = accuracies[at] / clean_accuracy if clean_accuracy else np.nan
            rows.append({"metric": "relative_accuracy", **where, "value": relative})
            if dimensionality:
                rows += _perturbed_rows(measured, at, layers, where)

    if "attacks" in options.measures:
        unattacked = fetch(
            measure_clean(variables, attacked, module=module, num_classes=num_classes)
        ).correct.ravel()
    attacks = [("fgsm", 1), *(("pgd", steps) for steps in options.pgd_steps)]
    for name, steps in attacks if "attacks" in options.measures else ():
        epsilons = np.asarray(options.epsilons) / 255
        measured = perturb(name, epsilons, attacked, steps)
        correct = measured.correct.reshape(len(epsilons), -1) & unattacked
        robust = np.asarray(robust_within(jnp.asarray(correct), jnp.asarray(epsilons)))
        images = np.asarray(attacked.where).sum()
        # The curve begins with the clean images.
        accuracies = {0.0: unattacked.sum() / images}
        accuracies |= zip(epsilons.tolist(), robust.sum(1) / images, strict=True)
        for epsilon, accuracy in accuracies.items():
            where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
            rows.append({"metric": "accuracy", **where, "value": accuracy})
        for at, epsilon in enumerate(epsilons):
            where = {"perturbation": name, "epsilon": epsilon, "steps": steps}
            # Without a perturbation the difference is nothing but rounding.
            if dimensionality and epsilon > 0:
                rows += _perturbed_rows(measured, at, layers, where)
    return rows


def _perturbed_rows(measured: PerturbedMeasures, at: int, layers, where: Row) -> list[Row]:
    perturbed, difference = jax.tree.map(
        lambda leaf: leaf[at], (measured.perturbed, measured.difference)
    )
    of_difference = where | {"perturbation": f"difference:{where['perturbation']}"}
    return _dimensionality_rows(perturbed, layers, where) + _dimensionality_rows(
        difference, layers, of_difference
    )


def _dimensionality_rows(dimensionality: Dimensionality, layers, where: Row) -> list[Row]:
    rows = []
    for layer, components, ratio in zip(
        layers, dimensionality.components, dimensionality.participation_ratio, strict=True
    ):
        metrics = [f"dimensionality_{share}" for share in (90, 95, 99)] + ["participation_ratio"]
        for metric, value in zip(metrics, [*components, ratio], strict=True):
            rows.append({"metric": metric, "layer": layer, **where, "value": value})
    return rows
