"""Networks that are measured side by side give the rows that each gives alone."""

import gc
import weakref

import jax
import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import attacks
from selectax.study.measures.cohort import Cohort
from selectax.study.measures.computation.statistics import measure_attacked
from selectax.study.measures.measurement import measure_network, measures_of
from selectax.study.measures.registry import MEASURES
from selectax.study.measures.subject import Subject
from tests.study.tiny import TinyNetwork, bytes_and_labels, evaluation_images, fitted_variables

pytestmark = pytest.mark.slow

IMAGES, LABELS = bytes_and_labels(21)
BATCHES = in_batches(IMAGES, LABELS, 8)
ATTACKED = in_batches(IMAGES[:13], LABELS[:13], 8)
OPTIONS = EvaluationOptions(
    measures=tuple(MEASURES),
    corruptions=("contrast", "gaussian_noise"),
    severities=(1, 5),
    epsilons=(2.0, 8.0),
    response_epsilons=(8.0,),
    pgd_steps=(3,),
)


def subjects():
    """Of three networks that differ in their weights and seeds."""
    images = evaluation_images(BATCHES, ATTACKED)
    for seed in range(3):
        variables = jax.tree.map(
            lambda leaf, factor=1 + seed / 8: leaf * np.float32(factor),
            fitted_variables(IMAGES, LABELS),
        )
        yield Subject(seed, of_module(TinyNetwork()), variables, images, OPTIONS, 3)


def rows(subject):
    return measure_network(subject, measures_of(OPTIONS.measures)).rows


@pytest.fixture(scope="module")
def alone():
    return [rows(subject) for subject in subjects()]


@pytest.mark.parametrize("devices", [3, 4], ids=["as many", "more devices"])
def test_rows_are_those_of_each_alone(devices, alone, four_devices):
    together = list(subjects())
    Cohort(together, four_devices[:devices])
    for subject, expected in zip(together, alone, strict=True):
        found = rows(subject)
        assert len(found) == len(expected)
        for row, other in zip(found, expected, strict=True):
            value, expected_value = row.pop("value"), dict(other).pop("value")
            assert row == {name: entry for name, entry in other.items() if name != "value"}
            np.testing.assert_allclose(value, expected_value, rtol=1e-5, atol=1e-7, err_msg=row)
    assert alone[0] != alone[1]


def test_what_is_computed_for_one_is_computed_for_all(four_devices, monkeypatch):
    calls = []

    def spy(*arguments, **options):
        calls.append(arguments)
        return measure_attacked(*arguments, **options)

    monkeypatch.setattr(attacks, "measure_attacked", spy)
    together = list(subjects())
    Cohort(together, four_devices[:3])
    for subject in together:
        attacks.rows(subject)
    assert len(calls) == len(OPTIONS.attacks)
    used = {device for leaf in jax.tree.leaves(calls[0][1]) for device in leaf.devices()}
    assert used == set(four_devices[:3])


def test_what_was_computed_goes_with_the_network():
    """At once, and not when Python looks for cycles, because it may fill a device's memory."""
    gc.collect()
    gc.disable()
    try:
        subject = next(subjects())
        assert subject.clean.correct.any()
        cohort = weakref.ref(subject.cohort)
        del subject
        assert cohort() is None
    finally:
        gc.enable()
