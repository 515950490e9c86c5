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
from jaxtyping import Array, Float, Int

_BYTES = 256
_LARGEST = 255
_LARGEST_LEVEL = 10

Size = tuple[int, int]
Amount = Callable[[Float[Array, "*shape"], Size], Float[Array, "*shape"]]
Displacement = Callable[[Float[Array, ""], Size], Float[Array, "2 3"]]
Table = Callable[[Float[Array, ""], Int[Array, "256"]], Int[Array, "256"]]


@dataclasses.dataclass(frozen=True)
class AugMixOperation:
    """An operation of AugMix. Either `displacement` or `table` is None.

    Attributes:
      name: name in AUGMIX_OPERATIONS.
      amount: function from the level, from 0 to 10, and the image's (height, width) to the amount.
      is_signed: whether the amount becomes negative with probability 1/2.
      displacement: function from the amount and (height, width) to coefficients of shape (2, 3). An
        output pixel with centre (x, y) takes the value at (x, y) plus the product of the
        coefficients and (x, y, 1).
      table: function from the amount and a channel's histogram to the new value of each byte.

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


def _none(level, size):
    del size
    return jnp.zeros_like(level)


def _degrees(level, size):
    del size
    return _truncated(level, 30)


def _bits(level, size):
    """The number of bits removed from four; Pillow keeps the rest."""
    del size
    return _truncated(level, 4)


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


def _autocontrast(_, histogram):
    """Stretches a channel to the whole range; a channel with a single value is unchanged."""
    values = jnp.arange(_BYTES, dtype=jnp.int32)
    present = histogram > 0
    lowest = jnp.argmax(present).astype(jnp.int32)
    highest = _LARGEST - jnp.argmax(present[::-1]).astype(jnp.int32)
    spread = highest - lowest
    stretched = _LARGEST * (values - lowest) // jnp.maximum(spread, 1)
    return jnp.where(spread > 0, jnp.clip(stretched, 0, _LARGEST), values)


def _equalize(_, histogram):
    """Makes a channel's values about equally frequent."""
    values = jnp.arange(_BYTES, dtype=jnp.int32)
    below = jnp.cumsum(histogram, dtype=jnp.int32) - histogram
    # The count of the largest value present is left out of the total.
    step = jnp.max(jnp.where(histogram > 0, below, 0)) // _LARGEST
    equalized = (step // 2 + below) // jnp.maximum(step, 1)
    return jnp.where(step > 0, jnp.minimum(equalized, _LARGEST), values)


def _posterize(removed_bits, _):
    """Keeps the four highest bits, less those that the level removes."""
    values = jnp.arange(_BYTES, dtype=jnp.int32)
    shift = 4 + removed_bits.astype(jnp.int32)
    return (values >> shift) << shift


def _solarize(distance, _):
    """Inverts the values that are within this distance of 256."""
    values = jnp.arange(_BYTES, dtype=jnp.int32)
    return jnp.where(values < _BYTES - distance.astype(jnp.int32), values, _LARGEST - values)


AUGMIX_OPERATIONS: dict[str, AugMixOperation] = {
    operation.name: operation
    for operation in (
        AugMixOperation("autocontrast", _none, table=_autocontrast),
        AugMixOperation("equalize", _none, table=_equalize),
        AugMixOperation("posterize", _bits, table=_posterize),
        AugMixOperation("rotate", _degrees, is_signed=True, displacement=_rotation),
        AugMixOperation("solarize", _values, table=_solarize),
        AugMixOperation("shear_x", _slope, is_signed=True, displacement=_shear_x),
        AugMixOperation("shear_y", _slope, is_signed=True, displacement=_shear_y),
        AugMixOperation("translate_x", _columns, is_signed=True, displacement=_translation_x),
        AugMixOperation("translate_y", _rows, is_signed=True, displacement=_translation_y),
    )
}
