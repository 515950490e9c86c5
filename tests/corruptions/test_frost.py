import jax
import numpy as np
import pytest

from selectax.corruptions import corrupt, frost
from selectax.corruptions.frost import make_textures
from tests.corruptions.images import peak_memory, photographs
from tests.corruptions.parameters import EVERY, parameters

KEY = jax.random.key(0)
LUMA = [0.299, 0.587, 0.114]

# Of the photographs, from 0 to 255.
COLOURS = [(78, 149, 166), (201, 205, 214), (201, 205, 214), (138, 153, 166), (112, 123, 135)]
WITHIN, BETWEEN = (14, 17, 17, 26, 34), (11, 9, 9, 12, 20)
PERCENTILES = [
    (104, 118, 129, 142, 163),
    (166, 195, 210, 223, 236),
    (166, 195, 210, 223, 236),
    (105, 135, 152, 169, 199),
    (60, 91, 120, 151, 203),
]
CORRELATIONS = {
    "cifar10": [
        (0.51, 0.44, 0.35),
        (0.44, 0.33, 0.25),
        (0.44, 0.33, 0.25),
        (0.24, 0.18, 0.16),
        (0.35, 0.23, 0.13),
    ],
    "tiny_imagenet": [
        (0.68, 0.64, 0.57),
        (0.66, 0.52, 0.43),
        (0.66, 0.52, 0.43),
        (0.45, 0.35, 0.28),
        (0.57, 0.42, 0.29),
    ],
}


@pytest.mark.parametrize(("benchmark", "size"), [("cifar10", 32), ("tiny_imagenet", 64)])
@pytest.mark.parametrize("number", range(5))
def test_textures_have_the_photographs_statistics(benchmark, size, number):
    texture = 255 * make_textures(benchmark, (size, size))[number].astype(np.float64)
    np.testing.assert_allclose(texture.mean((0, 1)), COLOURS[number], atol=3)
    grey = texture @ LUMA
    percentiles = np.percentile(grey, (5, 25, 50, 75, 95))
    np.testing.assert_allclose(percentiles, PERCENTILES[number], atol=5)
    starts = range(0, len(grey) - size + 1, size // 4)
    crops = np.array([grey[r : r + size, c : c + size] for r in starts for c in starts])
    assert crops.std(axis=(1, 2)).mean() == pytest.approx(WITHIN[number], rel=0.2)
    assert crops.mean(axis=(1, 2)).std() == pytest.approx(BETWEEN[number], rel=0.35)
    crops -= crops.mean(axis=(1, 2), keepdims=True)
    for distance, expected in zip((1, 2, 4), CORRELATIONS[benchmark][number], strict=True):
        product = (crops[:, distance:] * crops[:, :-distance]).mean()
        assert product / (crops**2).mean() == pytest.approx(expected, abs=0.06)


def test_textures_are_the_same_at_each_call():
    first = make_textures("cifar10", (32, 32))
    frost._make_small.cache_clear()
    np.testing.assert_array_equal(first, make_textures("cifar10", (32, 32)))
    assert np.any(first[1] != first[2])


def test_textures_of_large_images_are_bounded_by_their_size():
    """Twice the longer side, squared, would be seven times as many pixels."""
    textures = make_textures("imagenet", (100, 700))
    assert textures.shape == (5, 612, 1212, 3)
    assert textures.dtype == np.float32
    assert frost._make_large.cache_info().currsize == 1
    np.testing.assert_allclose(255 * textures.mean((1, 2)), COLOURS, atol=3)


@pytest.mark.slow
def test_memory_is_bounded_by_the_images_size():
    height, width = 1500, 2000
    image = 4 * height * width * 3
    assert peak_memory("frost", height, width) - peak_memory("frost", 32, 32) < 40 * image


@pytest.mark.parametrize(("benchmark", "severity"), EVERY)
def test_frost_adds_a_part_of_a_texture(benchmark, severity):
    images = np.full((60, 8, 9, 3), 0.25, np.float32)
    # A texture whose value tells which of them it is, and where it is read.
    rows, columns = np.indices((12, 13))
    textures = np.stack([0.1 + 0.3 * rows / 12, 0.1 + 0.3 * columns / 13])[..., None]
    textures = np.repeat(textures, 3, axis=-1).astype(np.float32)
    corrupted = corrupt(
        KEY, images, "frost", severity, benchmark=benchmark, frost_textures=textures
    )
    image_weight, texture_weight = parameters("frost", benchmark, severity)
    parts = (np.asarray(corrupted) - image_weight * 0.25) / texture_weight
    seen = set()
    for part in parts:
        matches = [
            (which, top, left)
            for which in range(2)
            for top in range(4)
            for left in range(4)
            if np.abs(textures[which, top : top + 8, left : left + 9] - part).max() < 1e-5
        ]
        assert matches
        seen |= {(which, (top, left)[which]) for which, top, left in matches}
    assert len(seen) == 8


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", ["cifar10", "tiny_imagenet", "imagenet"])
def test_textures_cover_images_of_any_size(benchmark):
    corrupted = corrupt(KEY, photographs(1, 200, 450), "frost", 3, benchmark=benchmark)
    assert corrupted.shape == (1, 200, 450, 3)


@pytest.mark.parametrize(
    ("textures", "error"),
    [
        (np.zeros((1, 11, 40, 3), np.float32), ValueError),
        (np.zeros((1, 40, 19, 3), np.float32), ValueError),
        (np.zeros((0, 40, 40, 3), np.float32), ValueError),
        (np.zeros((40, 40, 3), np.float32), ValueError),
        (np.zeros((1, 40, 40, 1), np.float32), ValueError),
        (np.zeros((1, 40, 40, 3), np.uint8), TypeError),
        (np.full((1, 40, 40, 3), 1.5, np.float32), ValueError),
        (np.full((1, 40, 40, 3), np.nan, np.float32), ValueError),
    ],
)
def test_bad_textures_are_refused(textures, error):
    with pytest.raises(error, match="frost_textures"):
        corrupt(KEY, photographs(), "frost", 1, frost_textures=textures)
