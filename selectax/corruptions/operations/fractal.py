"""Diamond-square fractals: each step halves the grid and adds weaker noise to neighbours' means."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

_FIRST_WIBBLE = 100


def diamond_square(
    key: PRNGKeyArray, side: int, decay: Float[Array, ""]
) -> Float[Array, "side side"]:
    """Returns a periodic fractal, scaled to [0, 1].

    Args:
      key: for the noise.
      side: a power of two.
      decay: divides the square root of the noise's amplitude when the step is halved.
    """
    noise = jax.random.uniform(key, (side * side - 1,), jnp.float32, -1, 1)
    corners = jnp.zeros((1, 1), jnp.float32)
    wibble = jnp.asarray(_FIRST_WIBBLE, decay.dtype)
    while len(corners) < side:
        here, noise = jnp.split(noise, [3 * corners.size])
        to_centres, to_rows, to_columns = wibble**2 * here.reshape(3, *corners.shape)
        pairs = corners + jnp.roll(corners, -1, 0)
        centres = (pairs + jnp.roll(pairs, -1, 1)) / 4 + to_centres
        beside = corners + jnp.roll(corners, -1, 1)
        on_rows = (centres + jnp.roll(centres, 1, 0) + beside) / 4 + to_rows
        on_columns = (centres + jnp.roll(centres, 1, 1) + pairs) / 4 + to_columns
        corners = _interleave(
            _interleave(corners, on_rows, 1), _interleave(on_columns, centres, 1), 0
        )
        wibble /= decay
    above = corners - jnp.min(corners)
    return above / jnp.max(above)


def _interleave(even, odd, axis):
    shape = list(even.shape)
    shape[axis] *= 2
    return jnp.stack([even, odd], axis + 1).reshape(shape)
