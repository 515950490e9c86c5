import cv2
import numpy as np
import pytest

from selectax.corruptions.operations.outline import distance_to, outline


def blots(seed, height=40, width=53):
    generator = np.random.default_rng(seed)
    layer = cv2.GaussianBlur(generator.normal(0.62, 0.3, (height, width)), (0, 0), 1 + seed / 2)
    layer[layer < 0.65] = 0
    return (layer * 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_outline_is_opencvs(seed):
    plane = blots(seed)
    lines = outline(plane.astype(np.float32), 50, 150)
    np.testing.assert_array_equal(lines, cv2.Canny(plane, 50, 150) > 0)
    assert np.any(lines)


def test_outlines_are_followed_to_their_faint_ends():
    plane = np.repeat(np.linspace(0, 60, 300)[None].astype(np.uint8), 40, axis=0)
    plane[20:] = 0
    lines = outline(plane.astype(np.float32), 50, 150)
    np.testing.assert_array_equal(lines, cv2.Canny(plane, 50, 150) > 0)
    assert np.any(lines[:, 80:150])


@pytest.mark.parametrize("share", [0.002, 0.01, 0.1, 1])
def test_distances_up_to_the_farthest_are_opencvs(share):
    lines = np.random.default_rng(0).uniform(size=(40, 53)) < share
    expected = cv2.distanceTransform(255 * (~lines).astype(np.uint8), cv2.DIST_L2, 5)
    distance = np.minimum(distance_to(lines, 20), 20)
    np.testing.assert_allclose(distance, np.minimum(expected, 20), atol=1e-3)


def test_distance_to_nothing_is_far():
    assert np.all(np.asarray(distance_to(np.zeros((8, 9), bool), 20)) > 20)
