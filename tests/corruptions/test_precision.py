"""Results depend neither on the process's default dtypes nor on the kind of key."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.corruptions import CORRUPTIONS, corrupt
from tests.corruptions.images import photographs

# Severity 4 has two rounds of glass blur, and mud.
SEVERITY = 4


@functools.cache
def corrupted(name, kind="threefry2x32", dtype="float32", wide=False, severity=SEVERITY):
    with jax.enable_x64(wide):
        images = jnp.asarray(photographs(), dtype)
        result = corrupt(jax.random.key(3, impl=kind), images, name, severity)
        assert result.dtype == dtype
        return np.asarray(result, np.float64)


def assert_alike(one, other, tolerance):
    # Where there are bytes in between, rounding may cross the edge of one.
    far = np.abs(one - other) > tolerance
    assert np.mean(far) < 0.01
    assert np.max(np.abs(one - other)) < 2.1 / 255


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_images_are_the_same_in_a_64_bit_process(name):
    assert_alike(corrupted(name, wide=True), corrupted(name), 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_that_of_the_result_alone(name, dtype, wide):
    with jax.enable_x64(wide):
        images = jnp.asarray(photographs(), dtype)
    expected = np.asarray(
        corrupt(jax.random.key(3), np.asarray(images, np.float32), name, SEVERITY)
    )
    epsilon = float(jnp.finfo(dtype).eps)
    assert_alike(corrupted(name, dtype=dtype, wide=wide), expected, epsilon)


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_keys_of_other_kinds_draw_the_same_in_a_64_bit_process(name):
    narrow = corrupted(name, kind="rbg")
    assert_alike(corrupted(name, kind="rbg", wide=True), narrow, 1e-6)
    assert np.all((narrow >= 0) & (narrow <= 1))


@pytest.mark.slow
def test_float64_images_stay_float64():
    difference = corrupted("fog", dtype="float64", wide=True) - corrupted("fog")
    assert np.max(np.abs(difference)) < 1e-6
