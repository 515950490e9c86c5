import numpy as np
import pytest

import selectax
from tests.arguments.calls import ACTIVATIONS, LABELS, assert_refused, mean, update
from tests.reference import selectivity as reference


def test_minus_one_is_ignored():
    labels = np.array([0, 1, 2, -1])
    expected = reference.mean_selectivity({"a": ACTIVATIONS[:3]}, labels[:3], 3)
    np.testing.assert_allclose(mean(labels=labels), expected, rtol=1e-5)


BAD = {
    "one-off labels": (lambda: mean(labels=LABELS + 1), "hold 3, but classes are 0 to 2"),
    "far labels": (lambda: update(labels=LABELS + 100), "hold 100"),
    "ignore_index of PyTorch": (lambda: mean(labels=LABELS - 100), "-1 marks a sample to ignore"),
    "one-hot labels": (lambda: mean(labels=np.eye(4, dtype=int)), "labels"),
    "labels that are None": (lambda: mean(labels=None), "labels must be an array"),
    "no classes for the gradient": (
        lambda: selectax.mean_selectivity_and_grad(ACTIVATIONS, LABELS, 0),
        "num_classes must be at least 1",
    ),
    "no classes": (lambda: mean(num_classes=0), "num_classes must be at least 1"),
    "classes that are a float": (lambda: mean(num_classes=3.0), "num_classes must be an integer"),
    "labels past the classes": (
        lambda: selectax.precision_at_k(
            selectax.update_strongest_responses(
                selectax.init_strongest_responses(2, 2), ACTIVATIONS, LABELS
            ),
            2,
        ),
        "labels hold 2",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_the_argument_in_one_sentence(case):
    assert_refused(*BAD[case])
