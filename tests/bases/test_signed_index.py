import jax
import numpy as np
import pytest

from selectax.bases import signed_selectivity_index
from tests.reference import selectivity as reference

index = jax.jit(signed_selectivity_index)
# Positive parts of two units, then their negative parts, for three classes.
PARTS = np.array([[6.0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]], np.float32)


def test_parts_known_by_hand():
    """A positive part of mean 2 and index 1, and a negative one of mean 1/3 and index 1; then a
    unit that is always negative, by the same amount."""
    np.testing.assert_allclose(index(PARTS), [1, 0], atol=1e-5)
    unequal = np.array([[6.0, 1], [0, 1], [0, 4]], np.float32)
    # Means 2 and 2, indices 1 and (4 − 1) / (4 + 1).
    np.testing.assert_allclose(index(unequal), [0.8], atol=1e-5)
    # Means 2 and 4, so that the second counts twice.
    unequal[:, 1] *= 2
    np.testing.assert_allclose(index(unequal), [(1 + 2 * 0.6) / 3], atol=1e-5)


def test_units_without_negative_responses_keep_their_index():
    means = np.random.default_rng(0).gamma(1, size=(5, 3)).astype(np.float32)
    means[:, 0] = 0  # a dead unit
    both = np.concatenate([means, np.zeros_like(means)], axis=1)
    expected = reference.class_selectivity_index(means)
    np.testing.assert_allclose(index(both), expected, rtol=1e-5)


def test_absent_classes_may_hold_anything():
    present = np.array([True, False, True])
    means = np.where(present[:, None], PARTS, np.nan)
    found = index(means, present)
    np.testing.assert_allclose(found, index(PARTS[present]), rtol=1e-6)


def test_an_odd_number_of_parts_is_refused():
    with pytest.raises(ValueError, match="means have 3 parts, but each unit has"):
        signed_selectivity_index(PARTS[:, :3])
