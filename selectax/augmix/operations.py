"""AUGMIX_OPERATIONS: the operations of AugMix, each a warp of the image or a table of values.

An operation acts on bytes, as Pillow does. Its amount is proportional to its level, a number from 0
to 10, as in the authors' code. Table operations map the 256 values of each channel; Pillow computes
autocontrast, equalize, posterize and solarize in the same way.

References:
  augmentations.py in the authors' code, github.com/google-research/augmix; Pillow, ImageOps.py and
  Geometry.c.
"""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

_BYTES = 256
_LARGEST = 255
_LARGEST_LEVEL = 10

Size = tuple[int, int]
Amount = Callable[[Float[Array, "*shape"], Size], Float[Array, "*shape"]]
Displacement = Callable[[Float[Array, ""], Size], Float[Array, "2 3"]]
Table = Callable[[Float[Array, ""]], Float[Array, "256"]]
AdaptiveTable = Callable[[Float[Array, "256"]], Float[Array, "256"]]


@dataclasses.dataclass(frozen=True)
class AugMixOperation:
    """An operation of AugMix; exactly one of displacement, table and adaptive table is given.

    Attributes:
      name: name in AUGMIX_OPERATIONS.
      amount: function from the level, from 0 to 10, and the image's (height, width) to the amount.
      is_signed: whether the amount becomes negative with probability 1/2.
      displacement: function from the amount and (height, width) to coefficients of shape (2, 3). An
        output pixel with centre (x, y) takes the value at (x, y) plus the product of the
        coefficients and (x, y, 1).
      table: function from the amount to the new value of each byte.
      adaptive_table: function from a channel's cumulative histogram, the number of pixels up to
        each value, to the new value of each byte.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> rotate = selectax.AUGMIX_OPERATIONS["rotate"]
      >>> float(rotate.amount(jnp.float32(5), (32, 32)))  # degrees
      15.0
    """

    name: str
    amount: Amount
    is_signed: bool = False
    displacement: Displacement | None = None
    table: Table | None = None
    adaptive_table: AdaptiveTable | None = None


def _none(level, size):
    del size
    return jnp.zeros_like(level)


def _degrees(level, size):
    del size
    return _truncated(level, 30)


def _bits(level, size):
    """The number of bits removed from four; at least one bit is kept."""
    del size
    return jnp.minimum(_truncated(level, 4), 3)


def _values(level, size):
    del size
    return _truncated(level, 256)


def _slope(level, size):
    del size
    return level * 0.3 / _LARGEST_LEVEL


def _columns(level, size):
    return _truncated(level, size[1] / 3)


def _rows(level, size):
    return _truncated(level, size[0] / 3)


def _truncated(level, largest):
    """The authors' `int_parameter`."""
    return jnp.floor(level * largest / _LARGEST_LEVEL)


def _rotation(degrees, size):
    """Rotates counterclockwise around the image's centre."""
    height, width = size
    sine = jnp.sin(jnp.deg2rad(degrees))
    # cos − 1, without cancellation.
    versine = -2 * jnp.sin(jnp.deg2rad(degrees) / 2) ** 2
    rows = jnp.array([[versine, -sine], [sine, versine]])
    return rows @ jnp.array([[1, 0, -width / 2], [0, 1, -height / 2]], jnp.float32)


def _shear_x(slope, _):
    return jnp.zeros((2, 3), jnp.float32).at[0, 1].set(slope)


def _shear_y(slope, _):
    return jnp.zeros((2, 3), jnp.float32).at[1, 0].set(slope)


def _translation_x(pixels, _):
    return jnp.zeros((2, 3), jnp.float32).at[0, 2].set(pixels)


def _translation_y(pixels, _):
    return jnp.zeros((2, 3), jnp.float32).at[1, 2].set(pixels)


def _autocontrast(cumulative):
    """Stretches a channel to the whole range; a channel with a single value is unchanged."""
    lowest = _count(cumulative == 0)
    spread = _count(cumulative < cumulative[-1]) - lowest
    stretched = _quotient(_LARGEST * (_values_of_bytes() - lowest), jnp.maximum(spread, 1))
    return jnp.where(spread > 0, jnp.clip(stretched, 0, _LARGEST), _values_of_bytes())


def _equalize(cumulative):
    """Makes a channel's values about equally frequent."""
    # The pixels with the largest value present are left out.
    pixels = jnp.max(jnp.where(cumulative < cumulative[-1], cumulative, 0))
    step = jnp.floor(pixels / _LARGEST)
    below = jnp.concatenate([jnp.zeros(1, jnp.float32), cumulative[:-1]])
    equalized = _quotient(jnp.floor(step / 2) + below, jnp.maximum(step, 1))
    return jnp.where(step > 0, jnp.minimum(equalized, _LARGEST), _values_of_bytes())


def _posterize(removed_bits):
    """Keeps the four highest bits, less those that the level removes."""
    grain = (16 << removed_bits.astype(jnp.int32)).astype(jnp.float32)
    return grain * jnp.floor(_values_of_bytes() / grain)


def _solarize(distance):
    """Inverts the values that are within this distance of 256."""
    values = _values_of_bytes()
    return jnp.where(values < _BYTES - distance, values, _LARGEST - values)


def _values_of_bytes():
    return jnp.arange(_BYTES, dtype=jnp.float32)


def _count(values):
    return jnp.sum(values, dtype=jnp.float32)


def _quotient(number, divisor):
    """Divides integers and rounds down; the additional 0.5 makes up for inexact division."""
    return jnp.floor((number + 0.5) / divisor)


AUGMIX_OPERATIONS: dict[str, AugMixOperation] = {
    operation.name: operation
    for operation in (
        AugMixOperation("autocontrast", _none, adaptive_table=_autocontrast),
        AugMixOperation("equalize", _none, adaptive_table=_equalize),
        AugMixOperation("posterize", _bits, table=_posterize),
        AugMixOperation("rotate", _degrees, is_signed=True, displacement=_rotation),
        AugMixOperation("solarize", _values, table=_solarize),
        AugMixOperation("shear_x", _slope, is_signed=True, displacement=_shear_x),
        AugMixOperation("shear_y", _slope, is_signed=True, displacement=_shear_y),
        AugMixOperation("translate_x", _columns, is_signed=True, displacement=_translation_x),
        AugMixOperation("translate_y", _rows, is_signed=True, displacement=_translation_y),
    )
}
