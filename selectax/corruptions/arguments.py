"""Checks of the arguments of `corrupt`."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from selectax.arguments.arrays import as_array
from selectax.arguments.names import nearest
from selectax.arguments.numbers import is_single

_SMALLEST_SIDE = 8
# Rounding errors can move values slightly out of [0, 1].
_SLACK = 8 * float(np.finfo(np.float32).eps)


def check_name(argument: str, name: str, known: Sequence[str]) -> None:
    """Checks that a name is known.

    Raises:
      ValueError: the name is unknown; the message suggests the most similar one.
    """
    if name not in known:
        raise ValueError(
            f"{argument} {name!r} is unknown; did you mean {nearest(name, known)!r}? "
            f"Known are {', '.join(known)}."
        )


def check_severity(severity) -> None:
    """Checks that the severity is a single integer and, unless it is traced, from 1 to 5.

    Raises:
      TypeError: severity is not an integer.
      ValueError: severity is outside 1 to 5.
    """
    if not is_single(severity, jnp.integer):
        raise TypeError(f"severity must be a single integer from 1 to 5, not {severity!r}.")
    if not isinstance(severity, jax.core.Tracer) and not 1 <= severity <= 5:
        raise ValueError(f"severity must be an integer from 1 to 5, not {severity}.")


def checked_images(images, name: str) -> Float[Array, "samples height width channels"]:
    """Returns the images as one array; concrete values are in [0, 1].

    Raises:
      TypeError: images are not floats.
      ValueError: images have the wrong shape, or concrete values outside [0, 1].
    """
    images = checked_floats("images", images)
    if images.ndim != 4:
        raise ValueError(
            f"images must have shape (samples, height, width, channels), not {images.shape}."
        )
    _, height, width, channels = images.shape
    if channels not in (1, 3):
        if images.shape[1] in (1, 3) and width >= _SMALLEST_SIDE:
            remedy = "move the channels to the last axis"
        else:
            remedy = "corrupt only the colour channels, and add others such as alpha afterwards"
        raise ValueError(
            f"images must have 1 or 3 channels for {name}, not {channels} of shape "
            f"{images.shape}; {remedy}."
        )
    if min(height, width) < _SMALLEST_SIDE:
        raise ValueError(
            f"images must be at least {_SMALLEST_SIDE} pixels high and wide, not "
            f"{height} × {width}; enlarge them."
        )
    return in_unit_range("images", images)


def checked_textures(
    textures, images_shape: tuple[int, ...]
) -> Float[Array, "textures rows columns 3"]:
    """Returns the textures as one array, at least as large as the images and in [0, 1].

    Raises:
      TypeError: textures are not floats.
      ValueError: textures have the wrong shape, or concrete values outside [0, 1].
    """
    textures = checked_floats("frost_textures", textures)
    _, height, width, _ = images_shape
    shape = textures.shape
    if len(shape) != 4 or shape[0] == 0 or shape[3] != 3 or shape[1] < height or shape[2] < width:
        raise ValueError(
            f"frost_textures must have shape (textures, at least {height}, at least {width}, 3), "
            f"not {shape}; enlarge them."
        )
    return in_unit_range("frost_textures", textures)


def checked_floats(argument: str, values) -> Float[Array, "*shape"]:
    """Returns an array or nested lists of floats as one array.

    Raises:
      TypeError: values are not an array of floats.
    """
    if not isinstance(values, np.ndarray | jax.Array):
        try:
            values = jnp.asarray(as_array(argument, values))
        except (TypeError, ValueError):
            raise TypeError(
                f"{argument} must be one array of floats in [0, 1], not a "
                f"{type(values).__name__} of other values; stack images of one size."
            ) from None
    if not jnp.issubdtype(values.dtype, jnp.floating):
        raise TypeError(
            f"{argument} must be floats in [0, 1], not {values.dtype}; divide bytes by 255."
        )
    return values


def in_unit_range(argument: str, values: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Checks that concrete values are in [0, 1], and clips those that are out by rounding only.

    Traced values are returned unchanged.

    Raises:
      ValueError: a value is NaN or farther outside [0, 1]; the message gives the value.
    """
    if isinstance(values, jax.core.Tracer) or values.size == 0:
        return values
    on_host = np.asarray(values)
    if on_host.dtype.itemsize < 4:  # NumPy may not be able to reduce it
        on_host = on_host.astype(np.float32)
    least, greatest = float(on_host.min()), float(on_host.max())
    if least >= 0 and greatest <= 1:
        return values
    slack = max(_SLACK, 2 * float(jnp.finfo(values.dtype).eps))
    if -slack <= least and greatest <= 1 + slack:
        return jnp.clip(values, 0, 1)
    worst = least if -least > greatest - 1 else greatest
    if not math.isfinite(worst):
        remedy = "replace the pixels that are not finite"
    elif least >= 0 and greatest >= 2:
        remedy = "divide bytes by 255"
    else:
        remedy = "clip or rescale them"
    raise ValueError(f"{argument} must lie in [0, 1], not at {worst:.9g}; {remedy}.")
