import jax
import numpy as np
import pytest

from selectax.corruptions import corrupt
from tests.corruptions.images import photographs
from tests.corruptions.parameters import EVERY, parameters
from tests.reference import corruptions_by_libraries as libraries

KEY = jax.random.key(0)


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_spatter_matches_opencv(benchmark, severity):
    images = photographs(4, 40, 53)
    corrupted = corrupt(KEY, images, "spatter", severity, benchmark=benchmark)
    for position, (image, result) in enumerate(zip(images, corrupted, strict=True)):
        key = jax.random.fold_in(KEY, position)
        noise = jax.random.normal(key, (40, 53, 1), np.float32)[..., 0]
        expected = libraries.spatter(image, *parameters("spatter", benchmark, severity), noise)
        # A layer just at the threshold, or at a byte's edge, may fall on its other side.
        assert np.mean(np.abs(result - expected) > 1.5 / 255) < 0.005
    assert np.any(corrupted != images)


def test_nothing_splashed_leaves_the_image():
    images = photographs(40, 8, 8)
    corrupted = np.asarray(corrupt(KEY, images, "spatter", 1))
    clean = np.all(corrupted == images, axis=(1, 2, 3))
    assert np.all(np.isfinite(corrupted))
    assert np.any(clean)
    assert not np.all(clean)
