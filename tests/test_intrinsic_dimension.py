"""TwoNN against float64, against published programs, and on manifolds of known dimension."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.intrinsic_dimension import twonn_dimension
from tests.reference import intrinsic_dimension as reference

# Of `TwoNN` of scikit-dimension 0.5.0, with discard_fraction 0.1 and 0.25; `IdEstimation` of DADApy
# 0.3.4 gives the same numbers as the first column.
PUBLISHED = {
    "helix": (0.8995929203, 0.8806341695),
    "sphere": (1.7881175599, 1.8032035206),
    "swiss_roll": (1.9260392067, 1.9925806677),
    "torus": (5.7699457725, 6.4131085857),
}
NUMBER = 250
# All points are padded to this shape, which is compiled once: three blocks, the last of them not
# full.
SHAPE = (260, 20)


def measured(points, **options):
    """Dimension of points among masked samples of NaN, with additional units that are 0."""
    number, units = points.shape
    padded = np.full(SHAPE, np.nan, np.float32)
    where = np.sort(np.random.default_rng(2).permutation(SHAPE[0])[:number])
    padded[where] = 0
    padded[where, :units] = points
    return twonn_dimension(padded, where=np.isfinite(padded[:, 0]), **options)


def manifold(name, number=NUMBER):
    return getattr(reference, name)(np.random.default_rng(0), number).astype(np.float32)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_programs_give_the_same_dimension(name):
    for discarded, expected in zip((0.1, 0.25), PUBLISHED[name], strict=True):
        found = measured(manifold(name), discarded=discarded)
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("discarded", [0.0, 0.1, 0.5])
def test_dimension_matches_the_reference(discarded):
    points = manifold("torus", 233)
    expected = reference.twonn_dimension(points, discarded)
    np.testing.assert_allclose(measured(points, discarded=discarded), expected, rtol=1e-4)


def test_near_points_far_from_the_origin_keep_their_distances():
    """On a line, distances of neighbours are lost in the rounding of squares and products."""
    line = np.random.default_rng(1).uniform(0, 1, NUMBER)
    points = (1000 + np.outer(line, np.arange(1, 20))).astype(np.float32)
    np.testing.assert_allclose(measured(points), reference.twonn_dimension(points), rtol=1e-4)


def test_equal_points_count_once():
    points = manifold("torus", 200)
    found = measured(np.concatenate([points[:30], points, points[:5]]))
    np.testing.assert_allclose(found, reference.twonn_dimension(points), rtol=1e-4)


@pytest.mark.parametrize("scale", [2.0**-100, 2.0**100])
def test_dimension_does_not_depend_on_the_scale(scale):
    points = manifold("torus")
    found = measured(points * np.float32(scale))
    np.testing.assert_allclose(found, reference.twonn_dimension(points), rtol=1e-4)


@pytest.mark.parametrize(
    ("points", "expected"),
    {
        "masked": (np.zeros((0, 2)), 0),
        "one": (np.ones((1, 2)), 0),
        "equal": (np.full((260, 2), 0.1), 0),
        "two": (np.array([[0.0, 1.0], [2.0, 0.0], [2.0, 0.0]]), np.nan),
        "grid": (np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1).reshape(-1, 2), np.nan),
    }.values(),
)
def test_too_few_points_or_only_ties(points, expected):
    np.testing.assert_equal(np.asarray(measured(points)), expected)
    assert twonn_dimension(np.zeros((0, 2), np.float32)) == 0


def test_three_points_by_hand():
    """Distances 1, 2 and 3 on a line: ratios 3, 2 and 1.5, and the largest is not fitted."""
    found = measured(np.array([[0.0], [1.0], [3.0]]), discarded=0.0)
    logs, heights = np.log([1.5, 2]), -np.log([2 / 3, 1 / 3])
    np.testing.assert_allclose(found, logs @ heights / (logs @ logs), rtol=1e-5)


@pytest.mark.slow
def test_layers_side_by_side():
    layers = np.stack([manifold("torus", 150), np.repeat(manifold("torus", 50), 3, axis=0)])
    together = jax.jit(jax.vmap(twonn_dimension))(layers)
    alone = [reference.twonn_dimension(layer) for layer in layers]
    np.testing.assert_allclose(together, alone, rtol=1e-4)


@pytest.mark.slow
def test_half_precision_is_computed_in_float32():
    points = jnp.asarray(manifold("torus", 150), jnp.bfloat16)
    found = twonn_dimension(points)
    assert found.dtype == jnp.float32
    expected = reference.twonn_dimension(np.asarray(points, np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_share_may_be_traced_and_a_wrong_one_gives_nan():
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    traced = jax.jit(lambda share: twonn_dimension(points, discarded=share))
    np.testing.assert_allclose(traced(0.25), twonn_dimension(points, discarded=0.25), rtol=1e-6)
    for wrong in (-0.1, 1.0, np.nan):
        assert np.isnan(traced(wrong))


@pytest.mark.parametrize("discarded", [-0.1, 1.0, np.nan])
def test_a_wrong_share_is_refused(discarded):
    with pytest.raises(ValueError, match="discarded must be at least 0 and below 1, not"):
        twonn_dimension(np.ones((5, 2), np.float32), discarded=discarded)
