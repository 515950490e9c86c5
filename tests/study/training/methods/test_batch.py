"""Keys of the images of a batch."""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.study.training.methods.batch import keys_of_images

KEY = jax.random.key(5)


def numbers(keys):
    return np.asarray(jax.random.key_data(keys))


def test_keys_differ_between_images_and_batches():
    of_one, of_other = (numbers(keys_of_images(key, 8, None)) for key in jax.random.split(KEY))
    assert len(np.unique(np.concatenate([of_one, of_other]), axis=0)) == 16


def test_keys_are_not_those_of_the_augmentation():
    """Which splits the same key."""
    split = numbers(jax.random.split(KEY, 8))
    assert not (numbers(keys_of_images(KEY, 8, None))[:, None] == split).all(-1).any()


def test_keys_do_not_depend_on_the_number_of_devices():
    whole = numbers(keys_of_images(KEY, 8, None))
    for devices in (2, 4):
        parts = jax.vmap(
            lambda _, devices=devices: keys_of_images(KEY, 8 // devices, "devices"),
            axis_name="devices",
        )(jnp.arange(devices))
        np.testing.assert_array_equal(numbers(parts).reshape(whole.shape), whole)
