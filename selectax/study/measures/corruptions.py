"""Measures accuracy, dimensionality and class selectivity under common corruptions."""

import functools
from typing import Any

import numpy as np

from selectax.study.measures.cohort import Cohort
from selectax.study.measures.computation.one_batch import layers_of
from selectax.study.measures.computation.statistics import (
    PerturbedMeasures,
    measure_stored,
    no_responses,
    shapes_of_one,
)
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means, perturbed_dimensionality_rows
from selectax.study.measures.subject import Subject, count


def rows(subject: Subject) -> list[Row]:
    """Returns rows for each corruption and severity, and means over all of them."""
    images, options = subject.images, subject.options
    found: list[Row] = []
    official = images.corrupted.name
    dataset = {"dataset": official} if official else {}
    for name in options.corruptions or ():
        compute = functools.partial(_measure, subject, name)
        of_all, number, paired = subject.cohort.once(("corruption", name), compute)
        measured = subject.cohort.of(subject, of_all)
        accuracies = measured.correct.sum((1, 2)) / number
        # Compare with the clean versions of the corrupted images, or with all test images if the
        # clean versions are not known.
        compared = number if paired else count(images.test)
        clean_accuracy = subject.clean.correct.ravel()[:compared].mean()
        for at, severity in enumerate(options.severities):
            where = dataset | {"perturbation": name, "severity": severity}
            found += _accuracy_rows(accuracies[at], clean_accuracy, where)
            if "dimensionality" in options.measures:
                found += perturbed_dimensionality_rows(
                    measured, at, subject.layers, where, paired=paired
                )
            if "selectivity" in options.measures:
                means = {name: units[at].mean() for name, units in measured.selectivity.items()}
                found += layer_means("class_selectivity", means, where)
    return found + _mean_rows(found, dataset)


def _measure(subject: Subject, name: str, cohort: Cohort) -> tuple[PerturbedMeasures, int, bool]:
    """Measures the cohort; returns also the number of images, and if their clean ones are known."""
    test, apply = subject.images.test, subject.network.apply
    clean, stored, paired = subject.images.corrupted.corruption(name, subject.options.severities)
    if clean is test:
        responses = cohort.clean[1]
    elif paired:
        responses = cohort.measure_clean(clean)[1]
    else:
        layers = layers_of(apply, shapes_of_one(cohort.variables), clean.images.shape[2:])
        responses = [no_responses(clean.labels[0], layers, cohort.mesh)] * len(clean.labels)
    measured = measure_stored(
        cohort.variables,
        clean,
        responses,
        stored,
        apply=apply,
        num_classes=subject.num_classes,
        mesh=cohort.mesh,
    )
    return measured, count(clean), paired


def _accuracy_rows(accuracy: Any, clean_accuracy: Any, where: Row) -> list[Row]:
    # The relative accuracy is undefined if the clean accuracy is 0.
    relative = accuracy / clean_accuracy if clean_accuracy else np.nan
    return [
        {"metric": "accuracy", **where, "value": accuracy},
        {"metric": "relative_accuracy", **where, "value": relative},
    ]


def _mean_rows(found: list[Row], dataset: Row) -> list[Row]:
    """Returns the means over all corruptions and severities."""
    return [
        {
            "metric": metric,
            **dataset,
            "perturbation": "corruptions",
            "value": np.mean([row["value"] for row in found if row["metric"] == metric]),
        }
        for metric in ("accuracy", "relative_accuracy")
    ]
