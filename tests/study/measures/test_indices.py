"""Rows of the other indices against float64, one unit at a time."""

import numpy as np

from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import indices as measure
from tests.reference import tiny_network as reference
from tests.reference import tuning
from tests.study.tiny import TinyNetwork, bytes_and_labels, fitted_variables, subject


def test_indices_are_means_over_units_and_then_over_layers():
    images, labels = bytes_and_labels(70)
    variables = fitted_variables(images, labels)
    rows = measure.rows(
        subject(variables, in_batches(images, labels, 8), EvaluationOptions(), TinyNetwork())
    )
    found = {(row["metric"], row.get("layer", "")): row["value"] for row in rows}
    _, responses = reference.logits_and_responses(variables, images / 255)
    indices = {
        "class_conditional_mean_activity_selectivity": lambda r: tuning.ccmas(r, labels, 3),
        "d_prime": lambda r: tuning.d_prime(r, labels, 3),
        "treves_rolls_sparseness": tuning.treves_rolls,
        "vinje_gallant_sparseness": tuning.vinje_gallant,
        "precision_at_60": lambda r: tuning.precision_at_k(r, labels, 60),
    }
    expected = {
        (metric, layer): np.mean([index(unit) for unit in responses[layer].T])
        for metric, index in indices.items()
        for layer in responses
    }
    for metric in indices:
        expected[metric, ""] = np.mean([expected[metric, layer] for layer in responses])
    assert set(found) == set(expected)
    for where, value in expected.items():
        np.testing.assert_allclose(found[where], value, rtol=1e-3)
