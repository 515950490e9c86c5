"""Applies measures to a trained network, one after the other."""

import itertools
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.measures.computation.exact_products import exact_products
from selectax.study.measures.measure import Measure, Row
from selectax.study.measures.registry import CLEAN_ACCURACY, MEASURES
from selectax.study.measures.subject import Subject, count


class Measured(NamedTuple):
    """Results of one measure for a network.

    Attributes:
      measure: name of the measure; "diverged" for a network whose logits are not finite.
      rows: rows with a metric, a value and, if they apply, layer, perturbation, severity, epsilon
        and steps. For an official corrupted data set, they also have its name as `dataset`.
      warnings: reasons why the rows may mislead, one sentence each.
      units: values of all units, by metric and layer.
    """

    measure: str
    rows: list[Row]
    warnings: tuple[str, ...] = ()
    units: Mapping[str, Mapping[str, Any]] = types.MappingProxyType({})


def measures_of(
    names: Iterable[str], table: Mapping[str, Measure] = MEASURES
) -> tuple[Measure, ...]:
    """Returns the named measures, preceded by clean accuracy, which is always measured."""
    return CLEAN_ACCURACY, *(table[name] for name in names)


def is_left(measures: Iterable[Measure], done: Collection[str]) -> bool:
    """Returns whether a network still lacks one of the measures; one that diverged lacks none."""
    return "diverged" not in done and any(measure.name not in done for measure in measures)


def measure_one_by_one(
    subject: Subject, measures: Iterable[Measure], *, already: Collection[str] = ()
) -> Iterator[Measured]:
    """Applies measures to a network, one after the other.

    Args:
      subject: network to measure.
      measures: measures to apply.
      already: names of measures to skip.

    Yields:
      The results of each measure. If some logits are not finite, the only result is "diverged".

    Raises:
      ValueError: if a response is negative and a measure does not allow that, or if a measure
        returns a metric that is not in its `metrics`.
    """
    measures = list(measures)
    with exact_products():
        finite = subject.clean.finite
    if not finite.all():
        yield _diverged(int((~finite).sum()), count(subject.images.test))
        return
    if any(measure.needs_no_sign for measure in measures):
        check_signs(subject.clean.least)
    for measure in measures:
        if measure.name not in already:
            subject.warnings.clear()
            subject.units.clear()
            with exact_products():
                rows = measure.check_rows(measure.rows(subject))
            yield Measured(measure.name, rows, tuple(subject.warnings), dict(subject.units))


def measure_network(subject: Subject, measures: Iterable[Measure]) -> Measured:
    """Applies measures to a network and merges their results; see `measure_one_by_one`."""
    names, rows, warnings, units = zip(*measure_one_by_one(subject, measures), strict=True)
    chained = itertools.chain.from_iterable
    of_all = {metric: layers for each in units for metric, layers in each.items()}
    return Measured(" ".join(names), [*chained(rows)], tuple(chained(warnings)), of_all)


def check_signs(least: Mapping[str, Any]) -> None:
    """Checks for negative responses. Compiled functions cannot raise errors about their inputs.

    Args:
      least: smallest responses of each layer.

    Raises:
      ConfigurationError: a response is negative.
    """
    for name, values in least.items():
        if np.any(values < 0):
            raise ConfigurationError(
                f"activations[{name!r}] hold negative responses, down to {np.min(values):.3g}, but "
                "class selectivity is defined for responses that are not negative; return "
                "activations after a ReLU or their magnitudes, or split them as "
                "selectax.unit_responses(activations, signed='split') does."
            )


def _diverged(not_finite: int, samples: int) -> Measured:
    """Reports that a network has diverged.

    Other measures are skipped. They would give plausible but meaningless numbers, because argmax
    returns a class even if all logits are NaN.
    """
    sentence = (
        f"its logits are not finite on {not_finite:,} of {samples:,} test images, so that it is "
        "reported as diverged and not measured; look for NaN among its weights."
    )
    return Measured("diverged", [{"metric": "diverged", "value": 1}], (sentence,))
