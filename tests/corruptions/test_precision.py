"""Results depend neither on the default dtypes nor on the kind of key, and NaN gives NaN."""

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
def program(name):
    return jax.jit(lambda key, images: corrupt(key, images, name, SEVERITY))


@functools.cache
def corrupted(name, kind="threefry2x32", dtype="float32", wide=False):
    with jax.enable_x64(wide):
        images = jnp.asarray(photographs(), dtype)
        result = program(name)(jax.random.key(3, impl=kind), images)
        assert result.dtype == dtype
        return np.asarray(result, np.float64)


def assert_alike(one, other, tolerance):
    # If the corruption rounds to bytes on the way, a rounding error may select the next byte.
    far = np.abs(one - other) > tolerance
    assert np.mean(far) < 0.01
    assert np.max(np.abs(one - other)) < 2.1 / 255


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_images_are_the_same_in_a_64_bit_process(name):
    assert_alike(corrupted(name, wide=True), corrupted(name), 1e-6)


@pytest.mark.parametrize(
    "name",
    [
        name
        if name in ("shot_noise", "motion_blur", "frost", "jpeg_compression")
        else pytest.param(name, marks=pytest.mark.slow)
        for name in CORRUPTIONS
    ],
)
def test_an_image_that_is_not_finite_becomes_nan(name):
    for poison in (np.nan, np.inf, -np.inf):
        images = photographs()
        images[0, 6, 8, 1] = poison
        result = np.asarray(program(name)(jax.random.key(3), images))
        assert np.all(np.isnan(result[0]))
        np.testing.assert_array_equal(result[1], corrupted(name)[1])


def test_what_depends_on_nan_in_a_texture_is_nan():
    textures = np.full((1, 12, 20, 3), 0.5, np.float32)
    textures[0, 3, 4], textures[0, 5, 6] = np.nan, np.inf
    frosted = jax.jit(
        lambda textures: corrupt(
            jax.random.key(0), photographs(), "frost", 1, frost_textures=textures
        )
    )(textures)
    expected = np.broadcast_to(~np.isfinite(textures), frosted.shape)
    np.testing.assert_array_equal(np.isnan(frosted), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dtype", "wide"),
    # Each corruption in one of the two types.
    [
        (name, *(("bfloat16", True), ("float16", False))[number % 2])
        for number, name in enumerate(CORRUPTIONS)
    ],
)
def test_half_precision_is_that_of_the_result_alone(name, dtype, wide):
    with jax.enable_x64(wide):
        images = jnp.asarray(photographs(), dtype)
    expected = np.asarray(program(name)(jax.random.key(3), np.asarray(images, np.float32)))
    epsilon = float(jnp.finfo(dtype).eps)
    assert_alike(corrupted(name, dtype=dtype, wide=wide), expected, epsilon)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shot_noise", "glass_blur", "snow", "frost", "elastic_transform"])
def test_keys_of_other_kinds_draw_the_same_in_a_64_bit_process(name):
    narrow = corrupted(name, kind="rbg")
    assert_alike(corrupted(name, kind="rbg", wide=True), narrow, 1e-6)
    assert np.all((narrow >= 0) & (narrow <= 1))


@pytest.mark.slow
def test_float64_images_stay_float64():
    difference = corrupted("fog", dtype="float64", wide=True) - corrupted("fog")
    assert np.max(np.abs(difference)) < 1e-6
