"""Measures accuracy, dimensionality and class selectivity under common corruptions."""

from typing import Any

import numpy as np

from selectax.datasets.pipeline.batches import Batches
from selectax.study.measures.computation.one_batch import layers_of
from selectax.study.measures.computation.statistics import (
    Responses,
    measure_clean,
    measure_stored,
    no_responses,
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
    clean, responses = images.test, subject.clean.responses
    for name in options.corruptions or ():
        there, stored, paired = images.corrupted.corruption(name, options.severities)
        if there is not clean:
            clean, responses = there, _responses(subject, there, paired)
        measured = measure_stored(
            subject.variables,
            clean,
            responses,
            stored,
            apply=subject.network.apply,
            num_classes=subject.num_classes,
        )
        accuracies = measured.correct.sum((1, 2)) / count(clean)
        # Compare with the clean versions of the corrupted images, or with all test images if the
        # clean versions are not known.
        compared = count(clean) if paired else count(images.test)
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


def _responses(subject: Subject, clean: Batches, paired: bool) -> Responses:
    """Returns the responses to clean images, or zeros if these are not known."""
    apply, classes = subject.network.apply, subject.num_classes
    if paired:
        return measure_clean(subject.variables, clean, apply=apply, num_classes=classes).responses
    layers = layers_of(apply, subject.variables, clean.images.shape[2:])
    return [no_responses(clean.labels[0], layers)] * len(clean.labels)


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
