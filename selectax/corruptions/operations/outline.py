"""Canny's edge detector and a distance transform, both as in OpenCV."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# Lengths of a straight step, a diagonal step and a knight's move.
_STRAIGHT, _DIAGONAL, _KNIGHT = 1, 1.4, 2.1969


def _around(plane, fill, reach=1):
    """Returns a function that shifts the plane; it is padded with fill, or its border if None."""
    height, width = plane.shape
    if fill is None:
        padded = jnp.pad(plane, reach, mode="edge")
    else:
        padded = jnp.pad(plane, reach, constant_values=fill)

    def shifted(down, right):
        top, left = reach + down, reach + right
        return padded[top : top + height, left : left + width]

    return shifted


def outline(
    plane: Float[Array, "height width"], low: float, high: float
) -> Bool[Array, "height width"]:
    """Finds ridges of the gradient above `low` that are connected to one above `high`.

    Args:
      plane: integers from 0 to 255.
      low: threshold of |horizontal| + |vertical| Sobel derivative for pixels of an outline.
      high: the same for pixels that can start an outline.
    """
    at = _around(plane, None)
    across = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1)
    down = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1)
    steepness = jnp.abs(across) + jnp.abs(down)
    at = _around(steepness, 0)
    # tan 22.5° in OpenCV's 15 bits; tan 67.5° is larger by 2.
    tangent = 13573 / 2**15
    flat = jnp.abs(down) < tangent * jnp.abs(across)
    steep = jnp.abs(down) > (tangent + 2) * jnp.abs(across)
    falling = across * down < 0
    before, after = (
        jnp.where(
            flat,
            at(0, way),
            jnp.where(steep, at(way, 0), jnp.where(falling, at(way, -way), at(way, way))),
        )
        for way in (-1, 1)
    )
    straight = flat | steep
    ridge = (steepness > before) & jnp.where(straight, steepness >= after, steepness > after)
    weak = ridge & (steepness > low)

    def grow(state):
        lines, _ = state
        at = _around(lines, False)
        rows = at(-1, 0) | lines | at(1, 0)
        at = _around(rows, False)
        grown = weak & (at(0, -1) | rows | at(0, 1))
        return grown, jnp.any(grown != lines)

    begun = weak & (steepness > high)
    lines, _ = jax.lax.while_loop(lambda state: state[1], grow, (begun, jnp.any(begun)))
    return lines


def distance_to(lines: Bool[Array, "height width"], farthest: int) -> Float[Array, "height width"]:
    """Returns the length of the shortest path to a line in steps of a chess king and knight.

    Args:
      lines: True for pixels on a line.
      farthest: larger distances are not exact; they are only guaranteed to exceed this one.
    """
    height, width = lines.shape
    columns = jnp.arange(width, dtype=jnp.int32)
    far = width + farthest
    before = jax.lax.cummax(jnp.where(lines, columns, -far), axis=1)
    after = jax.lax.cummin(jnp.where(lines, columns, width + far), axis=1, reverse=True)
    within_row = jnp.minimum(columns - before, after - columns).astype(jnp.float32)
    reach = min(farthest, height - 1)
    padded = jnp.pad(within_row, ((reach, reach), (0, 0)), constant_values=far)

    def through_row(turn, shortest):
        along = jax.lax.dynamic_slice_in_dim(padded, turn, height)
        return jnp.minimum(shortest, _way(along, jnp.abs(turn - reach).astype(along.dtype)))

    start = jnp.full((height, width), far, jnp.float32)
    return jax.lax.fori_loop(0, 2 * reach + 1, through_row, start)


def _way(one, other):
    """Returns the length of the path to a pixel at the given offsets along the two axes."""
    more, less = jnp.maximum(one, other), jnp.minimum(one, other)
    by_knight = less * _KNIGHT + (more - 2 * less) * _STRAIGHT
    by_diagonal = (2 * less - more) * _DIAGONAL + (more - less) * _KNIGHT
    return jnp.where(more >= 2 * less, by_knight, by_diagonal)
