"""Corruptions of one's own, which are not registered."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.corruptions import BENCHMARKS, CORRUPTIONS, Corruption, corrupt
from selectax.corruptions.registry import find_corruption
from tests.corruptions.images import photographs

KEY = jax.random.key(0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


def fade(key, image, share):
    return (1 - share) * image + share * jax.random.uniform(key, (), image.dtype)


def fading(**changes):
    entry = {"name": "fading", "apply": fade, "severities": {"cifar10": SHARES}, "is_random": True}
    return Corruption(**entry | changes)


def test_every_entry_has_its_key_as_name_and_a_source():
    for name, corruption in CORRUPTIONS.items():
        assert corruption.name == name
        assert corruption.source
        assert set(corruption.severities) == set(BENCHMARKS)
        assert find_corruption(name) is find_corruption(corruption) is corruption


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_parameters_of_one_benchmark_serve_all(benchmark):
    images = photographs()
    corrupted = corrupt(KEY, images, fading(), 4, benchmark=benchmark)
    for position, image in enumerate(images):
        expected = fade(jax.random.fold_in(KEY, position), image, np.float32(0.4))
        np.testing.assert_allclose(corrupted[position], expected, atol=1e-6)


def test_parameters_of_each_benchmark_are_its_own():
    black = np.zeros((1, 8, 8, 3), np.float32)
    severities = {name: (shade,) * 5 for name, shade in zip(BENCHMARKS, SHARES, strict=False)}
    flood = Corruption("flood", lambda key, image, shade: image + shade, severities=severities)
    for benchmark, shade in zip(BENCHMARKS, SHARES, strict=False):
        flooded = corrupt(KEY, black, flood, 1, benchmark=benchmark)
        np.testing.assert_array_equal(flooded, np.full_like(black, shade))


def test_a_second_call_traces_nothing():
    traces = []

    def counting(key, image, share):
        traces.append(None)
        return fade(key, image, share)

    for severity in (1, 5):
        corrupt(KEY, photographs(), fading(apply=counting), severity)
    assert len(traces) == 1


def test_equal_corruptions_are_equal_static_arguments():
    assert fading() == fading()
    assert hash(fading()) == hash(fading())
    assert fading() != fading(severities={"cifar10": SHARES[::-1]})


def test_a_grey_image_is_corrupted_in_colour_and_turned_back():
    turning = fading(apply=lambda key, image, share: image[..., ::-1], needs_colour=True)
    images = photographs()[..., :1]
    np.testing.assert_allclose(corrupt(KEY, images, turning, 1), images, atol=1e-6)


def test_textures_of_ones_own_are_overlaid():
    def overlay(key, image, constants):
        share, textures = constants
        return image + share * textures[0]

    def textures(benchmark, image_shape):
        return np.full((1, *image_shape, 3), 0.5, np.float32)

    black = np.zeros((1, 8, 9, 3), np.float32)
    corrupted = corrupt(KEY, black, fading(apply=overlay, textures=textures), 2)
    np.testing.assert_allclose(corrupted, np.full_like(black, 0.1))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"name": ""}, ValueError, "name must be a string that is not empty"),
        ({"apply": 3}, TypeError, "apply of corruption 'fading' must be a function, not 3"),
        ({"constants": SHARES}, TypeError, "constants of corruption 'fading'"),
        ({"severities": SHARES}, ValueError, "severities of corruption 'fading' must map"),
        ({"severities": {}}, ValueError, "severities of corruption 'fading' must map"),
        ({"severities": {"mine": SHARES}}, ValueError, "cifar10, tiny_imagenet, imagenet"),
        ({"severities": dict.fromkeys(BENCHMARKS[:2], SHARES)}, ValueError, "or each of them"),
        ({"severities": {"cifar10": SHARES[:4]}}, ValueError, "must be five for cifar10"),
        ({"severities": {"cifar10": 0.3}}, ValueError, "must be five for cifar10"),
    ],
)
def test_wrong_entries_are_refused(changes, error, message):
    with pytest.raises(error, match=message) as refused:
        fading(**changes)
    assert "\n" not in str(refused.value)


def test_a_result_of_another_shape_is_refused():
    averaging = fading(apply=lambda key, image, share: jnp.mean(image, axis=-1))
    with pytest.raises(ValueError, match=r"'fading' must return.*\(12, 20, 3\).*not \(12, 20\)"):
        corrupt(KEY, photographs(), averaging, 1)


def test_what_is_neither_a_name_nor_a_corruption_is_refused():
    with pytest.raises(TypeError, match="name must be a name in CORRUPTIONS or a Corruption"):
        corrupt(KEY, photographs(), fade, 1)
