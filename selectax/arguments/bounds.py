"""The smallest and the largest value of a pixel."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from selectax.arguments.arrays import is_concrete
from selectax.arguments.images import channels_last_remedy, looks_channels_first, working_dtype

Bound = float | np.ndarray | Array
Bounds = tuple[Bound | None, Bound | None] | None


def checked_bounds(bounds: Bounds, images: Any) -> tuple[Array | np.ndarray, Array | np.ndarray]:
    """Both bounds in the type used for computing, broadcastable to the images.

    They are first rounded to the images' own type, because pixels cannot be more exact.

    Args:
      bounds: (smallest, largest), each a number, or an array with one value per channel or pixel;
        None for no bound.
      images: images to which the bounds apply.

    Raises:
      ValueError: bounds are not a pair, shapes do not match, or the smallest value is concrete and
        not below the largest.
    """
    pair = (None, None) if bounds is None else bounds
    if not hasattr(pair, "__len__") or len(pair) != 2:
        raise ValueError(f"bounds must be (smallest, largest) or None, not {bounds!r}.")
    low, high = (
        _bound(value, unbounded, images)
        for value, unbounded in zip(pair, (-np.inf, np.inf), strict=True)
    )
    if is_concrete(low, high) and not np.all(np.asarray(low) < np.asarray(high)):
        raise ValueError(f"bounds must be (smallest, largest), not {bounds}; swap them.")
    return low, high


def check_within_bounds(images: Any, bounds: tuple[Any, Any], name: str = "images") -> None:
    """Raises a ValueError if concrete images are not finite or lie outside the bounds."""
    if not is_concrete(images, bounds):
        return
    pixels = np.asarray(images).astype(working_dtype(images.dtype), copy=False)
    low, high = (np.asarray(bound) for bound in bounds)
    outside = ~((pixels >= low) & (pixels <= high) & np.isfinite(pixels))
    if not np.any(outside):
        return
    value = pixels[outside][0]
    if not np.isfinite(value):
        raise ValueError(f"{name} hold {value}, which is not a pixel value; correct the data.")
    at = np.argmax(outside.reshape(-1))
    limits = tuple(float(np.broadcast_to(bound, pixels.shape).flat[at]) for bound in (low, high))
    raise ValueError(
        f"{name} hold {value}, outside bounds={limits}; rescale them or give other bounds."
    )


def _bound(value, unbounded, images):
    if value is None:
        value = unbounded
    array = np.asarray(value) if is_concrete(value) else jnp.asarray(value)
    bound = array.astype(images.dtype).astype(working_dtype(images.dtype))
    shape = images.shape[1:]
    try:
        fits = np.broadcast_shapes(bound.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        if looks_channels_first(images.shape):
            raise ValueError(channels_last_remedy(images.shape))
        raise ValueError(
            f"bounds of shape {bound.shape} do not fit images of shape {images.shape}; give a "
            "number, one for each channel, or one for each pixel of an image."
        )
    return bound
