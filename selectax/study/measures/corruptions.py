"""Measures accuracy, dimensionality and class selectivity under common corruptions."""

from typing import Any

import numpy as np

from selectax.study.measures.computation.statistics import clean_responses, measure_stored
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means, perturbed_dimensionality_rows
from selectax.study.measures.subject import Subject, count
from selectax.study.runtime.waiting import fetch


def rows(subject: Subject) -> list[Row]:
    """Returns rows for each corruption and severity, and means over all of them."""
    images, options, apply = subject.images, subject.options, subject.network.apply
    found: list[Row] = []
    official = images.corrupted.name
    dataset = {"dataset": official} if official else {}
    clean, responses = None, {}
    for name in options.corruptions or ():
        there, stored, paired = images.corrupted.corruption(name, options.severities)
        if there is not clean:
            clean, responses = there, clean_responses(subject.variables, there, apply=apply)
        measured = fetch(
            measure_stored(
                subject.variables,
                clean,
                responses,
                stored,
                apply=apply,
                num_classes=subject.num_classes,
            )
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
