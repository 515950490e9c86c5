"""Variation of input gradients of a network against float64."""

import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import input_gradients
from tests.reference import sensitivity
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, bytes_and_labels, fitted_variables, subject

IMAGES, LABELS = bytes_and_labels(21)
UNIT_IMAGES = IMAGES / 255
VARIABLES = fitted_variables(IMAGES, LABELS)
FILLED_UP = in_batches(IMAGES, LABELS, 8)
UNITS = {"first": 5, "second": 4}


@pytest.mark.slow
def test_input_gradients_vary_as_central_differences_say():
    options = EvaluationOptions(input_gradient_directions=2000)
    rows = input_gradients.rows(subject(VARIABLES, FILLED_UP, options, TinyNetwork()))
    found = {(row["metric"], row.get("layer", "")): row["value"] for row in rows}
    expected = {}
    for layer in UNITS:
        norms = reference.input_gradient_norms(VARIABLES, UNIT_IMAGES, layer)
        of_units = np.array(sensitivity.variation_over_samples(norms))
        expected["input_gradient_cv", layer] = of_units[of_units > 0].mean()
        over_units = sensitivity.variation_over_units(norms)
        expected["input_gradient_cv_over_units", layer] = over_units
    for metric in ("input_gradient_cv", "input_gradient_cv_over_units"):
        expected[metric, ""] = np.mean([expected[metric, layer] for layer in UNITS])
    assert set(found) == set(expected)
    for where, value in expected.items():
        np.testing.assert_allclose(found[where], value, rtol=0.05)
