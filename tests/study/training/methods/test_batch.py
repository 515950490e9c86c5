"""Keys of the images of a batch."""

import jax
import numpy as np

from selectax.study.training.methods.batch import key_of_method, keys_of_images

KEY = jax.random.key(5)


def numbers(keys):
    return np.asarray(jax.random.key_data(keys))


def test_keys_differ_between_images_and_batches():
    of_one, of_other = (numbers(keys_of_images(key, 8, (0, 1))) for key in jax.random.split(KEY))
    assert len(np.unique(np.concatenate([of_one, of_other]), axis=0)) == 16


def test_keys_are_not_those_of_the_augmentation():
    """Which splits the same key."""
    split = numbers(jax.random.split(KEY, 8))
    keys = numbers(keys_of_images(key_of_method(KEY), 8, (0, 1)))
    assert not (keys[:, None] == split).all(-1).any()


def test_keys_do_not_depend_on_the_number_of_parts():
    whole = numbers(keys_of_images(KEY, 8, (0, 1)))
    for parts in (2, 4):
        keys = [numbers(keys_of_images(KEY, 8 // parts, (part, parts))) for part in range(parts)]
        np.testing.assert_array_equal(np.concatenate(keys), whole)
