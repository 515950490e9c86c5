"""Measures a trained network, one measure after the other."""

import itertools
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from selectax.study.measures.measure import Measure, Row
from selectax.study.measures.registry import CLEAN_ACCURACY, MEASURES
from selectax.study.measures.subject import Subject, count


class Measured(NamedTuple):
    """What one measure found of a network.

    Attributes:
      measure: its name; "diverged" for a network whose logits are not finite.
      rows: with a metric, a value and what applies of layer, perturbation, severity, epsilon and
        steps. Those on an official corrupted set name it as their data set.
      warnings: sentences on why they may mislead.
      units: by metric and layer, a value for each unit.
    """

    measure: str
    rows: list[Row]
    warnings: tuple[str, ...] = ()
    units: Mapping[str, Mapping[str, Any]] = types.MappingProxyType({})


def measures_of(
    names: Iterable[str], table: Mapping[str, Measure] = MEASURES
) -> tuple[Measure, ...]:
    """The entries of several names, and of clean accuracy, which is always measured."""
    return CLEAN_ACCURACY, *(table[name] for name in names)


def measure_one_by_one(
    subject: Subject, measures: Iterable[Measure], *, already: Collection[str] = ()
) -> Iterator[Measured]:
    """Measures a network, one measure after the other.

    Args:
      subject: the network.
      measures: what to measure.
      already: names of measures to leave out.

    Yields:
      What each measure found; of a network whose logits are not all finite, nothing but that it
      has diverged.

    Raises:
      ValueError: a response is negative, and a measure is asked for that allows for none; or a
        measure gives a metric that its entry does not name.
    """
    measures = list(measures)
    with _exact_products():
        finite = subject.clean.finite
    if not finite.all():
        yield _diverged(int((~finite).sum()), count(subject.images.test))
        return
    if any(measure.needs_no_sign for measure in measures):
        _check_signs(subject)
    for measure in measures:
        if measure.name not in already:
            subject.warnings.clear()
            subject.units.clear()
            with _exact_products():
                rows = measure.check_rows(measure.rows(subject))
            yield Measured(measure.name, rows, tuple(subject.warnings), dict(subject.units))


def measure_network(subject: Subject, measures: Iterable[Measure]) -> Measured:
    """All that several measures find of a network; see `measure_one_by_one`."""
    names, rows, warnings, units = zip(*measure_one_by_one(subject, measures), strict=True)
    chained = itertools.chain.from_iterable
    of_all = {metric: layers for each in units for metric, layers in each.items()}
    return Measured(" ".join(names), [*chained(rows)], tuple(chained(warnings)), of_all)


def _diverged(not_finite: int, samples: int) -> Measured:
    """NaN has a largest entry, so that all else would be plausible numbers of nothing."""
    sentence = (
        f"its logits are not finite on {not_finite:,} of {samples:,} test images, so that it is "
        "reported as diverged and not measured; look for NaN among its weights."
    )
    return Measured("diverged", [{"metric": "diverged", "value": 1}], (sentence,))


def _check_signs(subject: Subject) -> None:
    """Refuses negative responses, which no compiled function can see in its own arguments."""
    for name, least in subject.clean.least.items():
        if np.any(least < 0):
            raise ValueError(
                f"activations[{name!r}] hold negative responses, down to {np.min(least):.3g}, but "
                "class selectivity is defined for responses that are not negative; return "
                "activations after a ReLU or their magnitudes, or split them as "
                "selectax.unit_responses(activations, signed='split') does."
            )


def _exact_products():
    """TPUs and GPUs otherwise round factors, by more than the smallest epsilons."""
    return jax.default_matmul_precision("float32")
