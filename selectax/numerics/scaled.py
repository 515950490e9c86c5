"""Norms in units of a power of two, so that their squares neither underflow nor overflow.

The power is 1 for ordinary norms, which are then left as they are.
"""

import jax.numpy as jnp

# The squares of norms in this range, and sums of a million of them, are safe in float32.
_LEAST, _MOST = 2.0**-40, 2.0**40


def scale_for(size):
    """A power of two near a size whose square would be lost; 1 for other sizes and for NaN."""
    extreme = (size > 0) & ((size < _LEAST) | (size > _MOST)) & jnp.isfinite(size)
    _, exponent = jnp.frexp(jnp.where(extreme, size, 1))
    return jnp.where(extreme, jnp.ldexp(jnp.float32(1), jnp.clip(exponent - 1, -126, 126)), 1)


def divided(values, scale):
    """Values in units of scale; exact, because scale is a power of two."""
    # Selects the values themselves for scale 1, so that the usual case is not recomputed.
    return jnp.where(scale == 1, values, values / jnp.where(scale == 0, 1, scale))


def multiplied(values, scale):
    """The inverse of `divided`."""
    return jnp.where(scale == 1, values, values * scale)


def rescaled(values, scale, other):
    """Values in units of scale, converted to units of another scale that is no smaller."""
    ratio = scale / jnp.where(other == 0, 1, other)
    return jnp.where(scale == other, values, values * ratio)


def rescaled_square(values, scale, other):
    """Values in units of scale², converted to units of the square of another scale."""
    ratio = scale / jnp.where(other == 0, 1, other)
    return jnp.where(scale == other, values, values * ratio * ratio)
