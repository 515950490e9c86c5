"""The rows of the results table that one trained network gives."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.indices import index_rows
from selectax.study.measures.robustness import attack_rows, believability_rows, corruption_rows
from selectax.study.measures.rows import EvaluationImages, Row, count, dimensionality_rows
from selectax.study.measures.single_units import ablation_rows, input_gradient_rows
from selectax.study.measures.statistics import CleanMeasures, measure_clean
from selectax.study.runtime.waiting import fetch

_DECILES = np.arange(11) / 10
# Measures that are not defined for negative responses, or that rank units by one that is not.
_NEED_NO_SIGN = frozenset(("selectivity", "indices", "ablation"))


class Measured(NamedTuple):
    """What is known of a network.

    Attributes:
      rows: with a metric, a value and what applies of layer, perturbation, severity, epsilon and
        steps. Those on an official corrupted set name it as their data set.
      warnings: sentences on why the attacks may not be believed.
    """

    rows: list[Row]
    warnings: tuple[str, ...]


def measure_network(
    seed: int,
    variables: Mapping[str, Any],
    images: EvaluationImages,
    options: EvaluationOptions,
    *,
    module: nn.Module,
    num_classes: int,
) -> Measured:
    """Measures a network; arguments as for `measure_in_parts`."""
    parts = measure_in_parts(
        seed, variables, images, options, module=module, num_classes=num_classes
    )
    rows, warnings = ([*itertools.chain(*each)] for each in zip(*parts, strict=True))
    return Measured(rows, tuple(warnings))


def measure_in_parts(
    seed: int,
    variables: Mapping[str, Any],
    images: EvaluationImages,
    options: EvaluationOptions,
    *,
    module: nn.Module,
    num_classes: int,
    already: Collection[str] = (),
) -> Iterator[Measured]:
    """Measures a network, one part of the measures after the other.

    Args:
      seed: for random starts of attacks and the like; images are corrupted alike for all networks.
      variables: of the network.
      images: to measure it on.
      options: what to measure.
      module: the network.
      num_classes: classes of the data set.
      already: parts that are not wanted, of those that `parts_of` names.

    Yields:
      The rows of each part; of a network whose logits are not all finite, nothing but that it has
      diverged.

    Raises:
      ValueError: a response is negative, and a measure is asked for that allows for none.
    """
    with _exact_products():
        clean = fetch(measure_clean(variables, images.test, module=module, num_classes=num_classes))
    if not clean.finite.all():
        yield _diverged(int((~clean.finite).sum()), count(images.test))
        return
    if not _NEED_NO_SIGN.isdisjoint(options.measures):
        _check_signs(clean)
    layers = list(clean.selectivity)
    key = jax.random.key(seed)

    def attacks():
        unattacked = fetch(
            measure_clean(variables, images.attacked, module=module, num_classes=num_classes)
        ).correct.ravel()
        rows = attack_rows(seed, variables, images, unattacked, options, module, layers)
        doubts, warnings = believability_rows(seed, variables, images.attacked, options, module)
        return Measured(rows + doubts, warnings)

    parts = {
        "clean": lambda: _clean_rows(clean, images, options),
        "corruptions": lambda: corruption_rows(
            variables, images, clean.correct, options, module, layers
        ),
        "attacks": attacks,
        "input_gradients": lambda: input_gradient_rows(
            key, variables, images.attacked, options.input_gradient_directions, module
        ),
        "ablation": lambda: ablation_rows(
            key, variables, images.attacked, clean.selectivity, options.ablation_points, module
        ),
        "indices": lambda: index_rows(variables, images.test, module, num_classes),
    }
    for name in parts_of(options.measures):
        if name not in already:
            with _exact_products():
                found = parts[name]()
            yield found if isinstance(found, Measured) else Measured(found, ())


def _diverged(not_finite: int, samples: int) -> Measured:
    """NaN has a largest entry, so that all else would be plausible numbers of nothing."""
    sentence = (
        f"its logits are not finite on {not_finite:,} of {samples:,} test images, so that it is "
        "reported as diverged and not measured; look for NaN among its weights."
    )
    return Measured([{"metric": "diverged", "value": 1}], (sentence,))


def _check_signs(clean: CleanMeasures) -> None:
    """Refuses negative responses, which no compiled function can see in its own arguments."""
    for name, least in clean.least.items():
        if np.any(least < 0):
            raise ValueError(
                f"activations[{name!r}] hold negative responses, down to {np.min(least):.3g}, but "
                "class selectivity is defined for responses that are not negative; return "
                "activations after a ReLU or their magnitudes, or split them as "
                "selectax.unit_responses(activations, signed='split') does."
            )


def _exact_products():
    """TPUs and GPUs else round what they multiply, by more than the smallest epsilons."""
    return jax.default_matmul_precision("float32")


def parts_of(measures: Collection[str]) -> tuple[str, ...]:
    """Names of the parts of the measures; selectivity and accuracy are both of clean images."""
    within_others = ("selectivity", "dimensionality")
    return ("clean", *(name for name in measures if name not in within_others))


def _clean_rows(clean: CleanMeasures, images: EvaluationImages, options: EvaluationOptions):
    layers = list(clean.selectivity)
    correct = clean.correct.sum() / count(images.test)
    rows: list[dict[str, Any]] = [{"metric": "accuracy", "value": correct}]
    if "selectivity" in options.measures:
        means = {name: clean.selectivity[name].mean() for name in layers}
        rows.append({"metric": "class_selectivity", "value": np.mean(list(means.values()))})
        rows += [
            {"metric": "class_selectivity", "layer": name, "value": mean}
            for name, mean in means.items()
        ]
        rows += [
            {"metric": f"class_selectivity_decile_{decile}", "layer": name, "value": value}
            for name in layers
            for decile, value in enumerate(np.quantile(clean.selectivity[name], _DECILES))
        ]
    if "dimensionality" in options.measures:
        rows += dimensionality_rows(clean.dimensionality, layers, {})
    return rows
