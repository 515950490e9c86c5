"""Intrinsic dimension of responses by TwoNN: from each point's two nearest neighbours.

Principal components count the dimensions of the smallest flat space around the responses; TwoNN
estimates the dimension of the possibly curved manifold that they lie on. Responses of trained
networks have far fewer dimensions by TwoNN than by principal components (Ansuini et al. 2019).

All responses of a layer must be in memory, and time grows with the square of their number. The
matrix of all distances is never formed: a block of points is compared with all others at a time.

References:
  Facco, d'Errico, Rodriguez & Laio, 2017, "Estimating the intrinsic dimension of datasets by a
  minimal neighborhood information".
  Ansuini, Laio, Macke & Zoccolan, 2019, "Intrinsic dimension of data representations in deep neural
  networks".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.arguments.activations import checked_responses
from selectax.arguments.arrays import is_concrete
from selectax.arguments.numbers import check_real
from selectax.arguments.samples import checked_where
from selectax.numerics import scaled
from selectax.numerics.products import full_product

__all__ = ["twonn_dimension"]

# Number of points that are compared with all others at a time. On a CPU, the distances of a block
# to 10,000 points fit into the cache.
_BLOCK = 128
# Number of units whose differences a pass over a block's distances adds up.
_UNITS_AT_ONCE = 16
# Largest relative error of a squared distance that is accepted from the fast formula.
_TOLERANCE = 1e-2
# A product of a fraction and a number of points, rounded below an integer, is raised to it.
_ROUNDING = 1e-3


class _Neighbors(NamedTuple):
    """Squared distances of points to their two nearest neighbours.

    Attributes:
      first: squared distance to the nearest neighbour.
      second: squared distance to the second nearest; at least first.
      is_copy: whether a point equals one with a lower index.
    """

    first: Float[Array, "points"]
    second: Float[Array, "points"]
    is_copy: Bool[Array, "points"]


def twonn_dimension(
    responses: Float[Array, "samples units"],
    *,
    discarded: float = 0.1,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, ""]:
    """Intrinsic dimension by TwoNN, from the ratio of distances to the two nearest neighbours.

    If the density is constant on the scale of these distances, the ratio μ of the second to the
    first has the distribution F(μ) = 1 − μ^(−d) on a manifold of dimension d. The estimate is the
    slope of the line through the origin that fits −log(1 − F(μ)) as a function of log μ by least
    squares. F of the ratio with rank i out of N, in ascending order from 1, is i / N, as in
    scikit-dimension and DADApy; the authors' program counts from 0.

    Distances are Euclidean. Equal points count as one, because a continuous density has none. The
    function cannot be differentiated in reverse mode.

    Args:
      responses: a matrix of responses, one point per row.
      discarded: fraction of the largest ratios to leave out of the fit, from 0 to below 1. The
        authors leave out 10 %, for which the density is least constant. The largest ratio of all,
        for which F is 1, is never part of the fit.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      At least 0, in float32 or wider. It can exceed the number of units slightly, and it is too low
      if the dimension is high for the number of samples. 0 if all points are equal, or there is at
      most one. NaN if a traced `discarded` is out of range, if there are exactly two different
      points, if each point of the fit has its two nearest neighbours at the same distance (as on a
      grid), or if a response of a sample that counts is NaN or infinite.

    Raises:
      TypeError: responses are not floating-point numbers, or discarded is not a single number.
      ValueError: responses are not a matrix, where has another length, or a concrete discarded is
        not at least 0 and below 1.

    References:
      Facco et al., 2017, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
      information", steps 1 to 5 of the algorithm.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> angles = jax.random.uniform(jax.random.key(0), 1000, maxval=6.28)
      >>> circle = jnp.stack([jnp.cos(angles), jnp.sin(angles), jnp.zeros(1000)], axis=1)
      >>> float(selectax.twonn_dimension(circle).round())
      1.0
    """
    responses = checked_responses(responses)
    check_real("discarded", discarded)
    if is_concrete(discarded) and not 0 <= discarded < 1:
        raise ValueError(f"discarded must be at least 0 and below 1, not {discarded}.")
    where = checked_where(where, len(responses))
    if not len(responses):
        return jnp.zeros((), jnp.promote_types(responses.dtype, jnp.float32))
    counted = jnp.ones(len(responses), bool) if where is None else where
    if is_concrete(discarded):
        return _dimension(responses, counted, 1 - discarded)
    in_range = (discarded >= 0) & (discarded < 1)
    return _dimension(responses, counted, jnp.where(in_range, 1 - discarded, jnp.nan))


@jax.jit
def _dimension(responses, counted, kept) -> Float[Array, ""]:
    points = responses.astype(jnp.promote_types(responses.dtype, jnp.float32))
    points = jnp.where(counted[:, None], points, 0)
    finite = jnp.all(jnp.isfinite(points))
    points = jnp.where(finite, points, 0)
    # Squares of tiny differences would underflow. Ratios of distances do not depend on the scale.
    center = jnp.sum(points, axis=0) / jnp.maximum(jnp.sum(counted), 1)
    spread = jnp.max(jnp.abs(points - center), where=counted[:, None], initial=0)
    points = scaled.divided(points, scaled.scale_for(spread))
    distinct, neighbors = _neighbors_of_distinct(points, counted)
    return jnp.where(finite, _slope(neighbors, distinct, kept), jnp.nan)


def _slope(neighbors, counted, kept):
    """Least-squares slope through the origin of −log(1 − F(μ)) over log μ."""
    number = jnp.sum(counted, dtype=jnp.int32)
    logs = jnp.log(neighbors.second / neighbors.first) / 2
    logs = jnp.sort(jnp.where(counted, logs, jnp.inf))
    ranks = 1 + jnp.arange(len(logs), dtype=jnp.int32)
    fitted = ranks <= jnp.floor(kept * number.astype(logs.dtype) + _ROUNDING)
    fitted &= ranks < number
    logs = jnp.where(fitted, logs, 0)
    heights = -jnp.log1p(-jnp.where(fitted, ranks, 0) / jnp.maximum(number, 1).astype(logs.dtype))
    slope = jnp.sum(logs * heights) / jnp.sum(logs**2)
    return jnp.where(number <= 1, 0, jnp.where(number == 2, jnp.nan, slope))


def _neighbors_of_distinct(points, counted) -> tuple[Bool[Array, "points"], _Neighbors]:
    """The first of several equal points each, and their neighbours among themselves."""

    def leave_out_copies(state):
        distinct, _, _ = state
        found = _neighbors(points, distinct)
        return distinct & ~found.is_copy, found, jnp.any(found.is_copy)

    # Two rounds if there are copies, otherwise one. As a loop, it is compiled only once.
    nothing = _Neighbors(points[:, 0], points[:, 0], jnp.zeros_like(counted))
    start = (counted, nothing, jnp.bool_(True))
    distinct, found, _ = jax.lax.while_loop(lambda state: state[2], leave_out_copies, start)
    return distinct, found


def _neighbors(points, counted) -> _Neighbors:
    """Nearest neighbours of each point among the points that count.

    First uses |a|² + |b|² − 2ab, a matrix product. It is fast, but its rounding errors are relative
    to |a|² + |b|². Points with a neighbour so near that these errors matter are then compared with
    all others by differences. Among them are all points that equal another one.
    """
    found, doubtful = _by_products(points, counted)
    number = len(points)
    size = min(_BLOCK, number)
    # The indices of doubtful points, then point 0, to which a repetition does no harm.
    order = jnp.flatnonzero(doubtful, size=-(-number // size) * size, fill_value=0)
    order = order.astype(jnp.int32)
    last = jnp.sum(doubtful, dtype=jnp.int32)

    def replace(state):
        at, found = state
        chosen = jax.lax.dynamic_slice(order, (at,), (size,))
        exact = _by_differences(points, counted, chosen)
        return at + size, jax.tree.map(lambda old, new: old.at[chosen].set(new), found, exact)

    start = jnp.int32(0)
    return jax.lax.while_loop(lambda state: state[0] < last, replace, (start, found))[1]


def _by_products(points, counted) -> tuple[_Neighbors, Bool[Array, "points"]]:
    """Neighbours by the fast formula, and for which points it is not accurate enough."""
    number, units = points.shape
    center = jnp.sum(points, axis=0) / jnp.maximum(jnp.sum(counted), 1)
    points = jnp.where(counted[:, None], points - center, 0)
    squares = jnp.sum(points**2, axis=1)
    # Bound of the rounding error of a squared distance to a point whose norm is about the same; the
    # distance to a point with a much larger norm is so large that its relative error is small.
    error = (units + 4) * jnp.finfo(points.dtype).eps * 3 * squares

    def of_block(chosen):
        of_chosen = points[chosen]
        products = full_product(points, of_chosen.T)
        distances = squares[:, None] + squares[chosen] - 2 * products
        return _two_smallest(_among_others(distances, counted, chosen))

    size = min(_BLOCK, number)
    # Fills the last block with the last point.
    chosen = jnp.minimum(jnp.arange(-(-number // size) * size, dtype=jnp.int32), number - 1)
    first, second = jax.lax.map(of_block, chosen.reshape(-1, size))
    first, second = (distances.ravel()[:number] for distances in (first, second))
    doubtful = ~(error <= _TOLERANCE * first) & counted
    return _Neighbors(first, second, jnp.zeros(number, bool)), doubtful


def _by_differences(points, counted, chosen) -> _Neighbors:
    """Neighbours of the chosen points by sums of squared differences."""
    number, units = points.shape
    width = min(_UNITS_AT_ONCE, units)
    padded = jnp.pad(points, ((0, 0), (0, -units % width))).T
    of_chosen = padded[:, chosen]

    def add_units(at, distances):
        rows, columns = (
            jax.lax.dynamic_slice_in_dim(each, at * width, width) for each in (padded, of_chosen)
        )
        for unit in range(width):
            distances += (rows[unit][:, None] - columns[unit]) ** 2
        return distances

    empty = jnp.zeros((number, len(chosen)), points.dtype)
    distances = jax.lax.fori_loop(0, len(padded) // width, add_units, empty)
    distances = _among_others(distances, counted, chosen)
    earlier = jnp.arange(number, dtype=jnp.int32)[:, None] < chosen
    is_copy = jnp.any((distances == 0) & earlier, axis=0) & counted[chosen]
    first, second = _two_smallest(distances)
    return _Neighbors(first, second, is_copy)


def _among_others(
    distances: Float[Array, "points chosen"],
    counted: Bool[Array, "points"],
    chosen: Int[Array, "c"],
) -> Float[Array, "points chosen"]:
    """Distances with infinity for a point itself and for points that do not count."""
    itself = jnp.arange(len(distances), dtype=jnp.int32)[:, None] == chosen
    return jnp.where(itself | ~counted[:, None], jnp.inf, distances)


def _two_smallest(distances: Float[Array, "points chosen"]):
    """The two smallest values of each column; equal ones if the smallest appears twice."""
    # Simple reductions, which XLA vectorizes; sorting is much slower.
    first = jnp.min(distances, axis=0)
    appears_twice = jnp.sum(distances == first, axis=0, dtype=jnp.int32) > 1
    above = jnp.min(jnp.where(distances > first, distances, jnp.inf), axis=0)
    return first, jnp.where(appears_twice, first, above)
