"""Which arguments are accepted, and which raise an error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.corruptions import CORRUPTIONS, corrupt, to_published_bytes
from tests.corruptions.images import photographs

KEY = jax.random.key(0)


def flat(value, dtype=np.float32):
    return np.full((1, 8, 8, 3), value, dtype)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "gausian_blur"}, ValueError, "name.*gaussian_blur"),
        ({"benchmark": "cifar"}, ValueError, "benchmark.*cifar10"),
        ({"severity": 0}, ValueError, "severity"),
        ({"severity": 6}, ValueError, "severity"),
        ({"severity": jnp.asarray(6)}, ValueError, "severity"),
        ({"severity": 1.0}, TypeError, "severity"),
        ({"severity": np.array([1, 2])}, TypeError, "severity"),
        ({"key": 0}, TypeError, r"key.*integer 0; give jax.random.key\(0\)"),
        ({"key": jax.random.split(KEY)}, ValueError, r"key.*single.*\(2,\)"),
        ({"images": flat(200)}, ValueError, "images.*at 200; divide bytes by 255"),
        ({"images": flat(1.5)}, ValueError, r"images.*at 1\.5; clip"),
        ({"images": flat(-0.1)}, ValueError, r"images.*at -0\.1"),
        ({"images": flat(-(2.0**-18))}, ValueError, "images.*at -3.8"),
        ({"images": flat(1 + 2.0**-19)}, ValueError, r"images.*at 1\.0000019"),
        ({"images": flat(np.nan)}, ValueError, "images.*at nan; replace"),
        ({"images": flat(np.inf)}, ValueError, "images.*at inf; replace"),
        ({"images": jnp.full((1, 8, 8, 3), 1.03, jnp.bfloat16)}, ValueError, r"images.*at 1\.03"),
        ({"images": flat(1, np.uint8)}, TypeError, "images.*uint8"),
        ({"images": [[[0.0]], [[0.0, 1.0]]]}, TypeError, "images.*list"),
        ({"images": flat(0)[0]}, ValueError, "images"),
        ({"images": np.zeros((1, 7, 8, 3), np.float32)}, ValueError, "images.*7"),
        ({"images": np.zeros((1, 3, 32, 32), np.float32)}, ValueError, "images.*move the channels"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {"key": KEY, "images": photographs(), "name": "contrast", "severity": 1, **change}
    with pytest.raises(error, match=message) as refused:
        corrupt(**arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("channels", [0, 2, 4])
def test_other_channels_are_refused(name, channels):
    images = np.zeros((1, 8, 8, channels), np.float32)
    with pytest.raises(ValueError, match=f"1 or 3 channels for {name}, not {channels}"):
        corrupt(KEY, images, name, 1)


def test_a_few_floats_beyond_the_range_are_clipped():
    images = photographs()
    beyond = np.where(images == 0, np.float32(-5e-7), images)
    beyond = np.where(images == 1, np.float32(1 + 5e-7), beyond)
    assert beyond.min() < 0
    assert beyond.max() > 1
    expected = corrupt(KEY, images, "contrast", 3)
    np.testing.assert_array_equal(corrupt(KEY, beyond, "contrast", 3), expected)
    np.testing.assert_array_equal(to_published_bytes(beyond), to_published_bytes(images))


def test_lists_and_old_keys_are_taken():
    images = photographs()
    expected = corrupt(jax.random.PRNGKey(0), images, "contrast", 3)
    for given in (images.tolist(), list(images)):
        np.testing.assert_array_equal(corrupt(KEY, given, "contrast", 3), expected)


def test_bytes_survive_the_way_to_floats_and_back():
    values = np.arange(256, dtype=np.uint8)
    floats = values.astype(np.float32) / 255
    np.testing.assert_array_equal(to_published_bytes(floats), values)
    np.testing.assert_array_equal(jax.jit(to_published_bytes)(floats), values)
    np.testing.assert_array_equal(to_published_bytes(np.float32([0.999, 1.0])), [254, 255])
    for dtype in (jnp.float16, jnp.bfloat16):
        halves = floats.astype(dtype)
        exact = np.floor(255 * halves.astype(np.float64) + 3e-5)
        np.testing.assert_array_equal(to_published_bytes(halves), exact)


def test_traced_values_out_of_range_become_the_nearest_byte():
    values = np.float32([-0.5, 1.5, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(jax.jit(to_published_bytes)(values), [0, 255, 255, 0, 0])


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.arange(256, dtype=np.uint8), TypeError, "images must be floats.*uint8"),
        (np.float32([0.5, 1.5]), ValueError, r"images.*at 1\.5"),
        (np.float32([0.5, np.nan]), ValueError, "images.*at nan"),
    ],
)
def test_what_is_no_image_does_not_become_bytes(images, error, message):
    with pytest.raises(error, match=message):
        to_published_bytes(images)


class Foreign:
    """An array of another library, whose dtype NumPy does not know."""

    dtype = "float of another library"

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def test_arrays_of_other_libraries_are_converted():
    np.testing.assert_array_equal(
        corrupt(KEY, Foreign(flat(0.5)), "contrast", 3), corrupt(KEY, flat(0.5), "contrast", 3)
    )
