"""Counts are whole and large enough, of whatever type, and known when a program is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.arguments.counts import checked_count


@pytest.mark.parametrize("count", [3, np.int64(3), np.array(3), jnp.array(3)])
def test_whole_numbers_are_taken_as_ints(count):
    found = checked_count("units", count)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize("count", [3.0, "3", None, [3]])
def test_other_values_are_refused(count):
    with pytest.raises(TypeError, match=r"^units must be an integer, not "):
        checked_count("units", count)


def test_too_small_counts_are_refused():
    assert checked_count("starts", 0, least=0) == 0
    with pytest.raises(ValueError, match=r"^starts must be at least 0, not -1\.$"):
        checked_count("starts", -1, least=0)
    with pytest.raises(ValueError, match=r"^units must be at least 1, not 0\.$"):
        checked_count("units", 0)


def test_traced_counts_are_refused():
    with pytest.raises(TypeError, match="units must not be traced"):
        jax.jit(lambda units: checked_count("units", units))(3)
