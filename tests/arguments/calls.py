"""Calls of measures on a small batch, of which tests replace single arguments."""

import numpy as np
import pytest

import selectax

ACTIVATIONS = np.array([[1.0, 2.0], [0.0, 2.0], [3.0, 1.0], [0.5, 0.0]], np.float32)
LABELS = np.array([0, 1, 2, 1], np.int32)


def mean(activations=ACTIVATIONS, labels=LABELS, num_classes=3, **options):
    return selectax.mean_selectivity(activations, labels, num_classes, **options)


def update(**change):
    good = {"responses": ACTIVATIONS, "labels": LABELS, **change}
    return selectax.update_class_moments(selectax.init_class_moments(3, 2), **good)


def assert_refused(call, message):
    """That a call raises an error whose message matches and is one sentence."""
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
