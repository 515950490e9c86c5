"""Which arguments are accepted, and which raise an error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import selectax

KEY = jax.random.key(0)
IMAGES = np.zeros((2, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"key": 0}, TypeError, r"key.*give jax.random.key\(0\)"),
        ({"images": IMAGES[..., :1]}, ValueError, "must be RGB for AugMix, not have 1 channels"),
        ({"images": IMAGES[0]}, ValueError, r"images must have shape.*not \(8, 8, 3\)"),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, ValueError, "channels first"),
        ({"images": IMAGES.astype(np.int32)}, TypeError, "images.*int32"),
        ({"images": np.full(IMAGES.shape, 2, np.float32)}, ValueError, r"images hold 2\.0"),
        ({"images": np.full(IMAGES.shape, np.nan, np.float32)}, ValueError, "images hold nan"),
        ({"strength": -1}, ValueError, "strength must be at least 0, not -1"),
        ({"strength": np.nan}, ValueError, "strength must be at least 0, not nan"),
        ({"strength": "1"}, TypeError, "strength must be a single number, not '1'"),
        ({"strength": True}, TypeError, "strength"),
        ({"strength": jnp.ones(2)}, TypeError, "strength"),
        ({"severity": 11}, ValueError, "severity must be from 0 to 10, not 11"),
        ({"severity": -0.5}, ValueError, r"severity must be from 0 to 10, not -0\.5"),
        ({"width": 0}, ValueError, "width must be at least 1, not 0"),
        ({"width": 1.5}, TypeError, r"width.*1\.5"),
        ({"depth": 0}, ValueError, "depth must be at least 1, or -1 for a random depth, not 0"),
        ({"depth": -2}, ValueError, "depth"),
        ({"depth": None}, TypeError, "depth"),
        ({"alpha": 0}, ValueError, "alpha must be above 0 and finite, not 0"),
        ({"alpha": np.inf}, ValueError, "alpha"),
        ({"alpha": "1"}, TypeError, "alpha"),
        ({"part": 2}, ValueError, r"part must be \(index, number of parts\), not 2"),
        ({"part": (0, 0)}, ValueError, "the number of parts must be at least 1, not 0"),
        ({"part": (2, 2)}, ValueError, "the index of the part must be from 0 to 1, not 2"),
        ({"part": (-1, 2)}, ValueError, "the index of the part must be from 0 to 1, not -1"),
        ({"part": (0.5, 2)}, TypeError, r"the index of the part must be an integer, not 0\.5"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(change, error, message):
    arguments = {"key": KEY, "images": IMAGES} | change
    with pytest.raises(error, match=message) as caught:
        selectax.augment_and_mix(**arguments)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_lists_raw_keys_and_infinite_strength_are_accepted():
    images = np.full((1, 2, 2, 3), 0.5, np.float32).tolist()
    found = selectax.augment_and_mix(jax.random.PRNGKey(0), images, strength=np.inf)
    assert found.shape == (1, 2, 2, 3)
    assert np.all(np.isfinite(found))
