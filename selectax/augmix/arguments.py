"""Checks of the arguments of `augment_and_mix`."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from selectax.arguments.arrays import as_array, canonical, is_concrete
from selectax.arguments.bounds import check_within_bounds
from selectax.arguments.images import (
    channels_last_remedy,
    float_images,
    looks_channels_first,
)
from selectax.arguments.numbers import check_real, checked_count, checked_integer, is_single


def checked_images(
    images: Any,
) -> UInt8[Array, "samples height width 3"] | Float[Array, "samples height width 3"]:
    """The images as an array; concrete floats are in [0, 1].

    Raises:
      TypeError: images are neither bytes nor floats.
      ValueError: images are not RGB, have the wrong shape, or are outside [0, 1].
    """
    if not isinstance(images, list | tuple):
        images = canonical(as_array("images", images))
    if getattr(images, "dtype", None) != np.uint8:
        images = float_images(images)
    if looks_channels_first(images.shape):
        raise ValueError(channels_last_remedy(images.shape))
    if images.ndim != 4:
        raise ValueError(f"images must have shape (samples, height, width, 3), not {images.shape}.")
    if images.shape[3] != 3:
        raise ValueError(
            f"images must be RGB for AugMix, not have {images.shape[3]} channels; repeat the "
            "channel of grey images three times."
        )
    if images.dtype != np.uint8:
        check_within_bounds(images, (0.0, 1.0))
    return jnp.asarray(images)


def checked_number(name: str, value: Any, largest: float = math.inf) -> Float[Array, ""]:
    """A number in float32, checked unless it is traced.

    Args:
      name: name of the argument.
      value: a real number.
      largest: largest allowed value; the smallest is 0.

    Raises:
      TypeError: value is not a single real number.
      ValueError: value is out of range.
    """
    check_real(name, value)
    if is_concrete(value):
        number = float(value)
        if not 0 <= number <= largest:
            limits = "at least 0" if largest == math.inf else f"from 0 to {largest:g}"
            raise ValueError(f"{name} must be {limits}, not {number:g}.")
        # Infinity times a severity of 0 would be NaN.
        value = min(number, float(np.finfo(np.float32).max))
    return jnp.asarray(value, jnp.float32)


def checked_alpha(alpha: float) -> float:
    """The parameter of the distributions.

    Raises:
      TypeError: alpha is not a number, or it is traced.
      ValueError: alpha is not above 0 and finite.
    """
    check_real("alpha", alpha)
    if not is_concrete(alpha):
        raise TypeError("alpha must not be traced; make it static.")
    number = float(alpha)
    if not 0 < number < math.inf:
        raise ValueError(f"alpha must be above 0 and finite, not {number:g}.")
    return number


def checked_depth(depth: int) -> int:
    """The number of operations in each chain, or −1.

    Raises:
      TypeError: depth is not an integer, or it is traced.
      ValueError: depth is neither −1 nor at least 1.
    """
    whole = checked_integer("depth", depth)
    if whole < 1 and whole != -1:
        raise ValueError(f"depth must be at least 1, or -1 for a random depth, not {whole}.")
    return whole


def checked_part(part: Any) -> tuple[Any, int]:
    """The index of a part, which may be traced, and the number of parts.

    Raises:
      TypeError: the index or the number is not an integer.
      ValueError: part is not a pair, there are no parts, or a concrete index is not one of a part.
    """
    if not isinstance(part, tuple) or len(part) != 2:
        raise ValueError(f"part must be (index, number of parts), not {part!r}.")
    index, parts = part[0], checked_count("the number of parts", part[1])
    if not is_single(index, jnp.integer):
        raise TypeError(f"the index of the part must be an integer, not {index!r}.")
    if is_concrete(index) and not 0 <= index < parts:
        raise ValueError(f"the index of the part must be from 0 to {parts - 1}, not {index}.")
    return index, parts
