"""Checks of images: arrays or nested lists of floats, samples first and channels last."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from selectax.arguments.arrays import as_array, canonical

_CHANNELS = (1, 3)


def float_images(images: Any, name: str = "images") -> Array | np.ndarray:
    """The images as an array with at least one axis; nested lists are converted to float32.

    Raises:
      TypeError: images are not floating-point numbers.
      ValueError: images have no axis of samples, or lists are ragged.
    """
    is_list = isinstance(images, list | tuple)
    images = as_array(name, images)
    if is_list and images.dtype in (np.float64, np.int64):
        images = images.astype(np.float32)
    images = canonical(images)
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(
            f"{name} must be floating-point numbers, not {images.dtype}; convert them, and rescale "
            "bytes."
        )
    if not images.ndim:
        raise ValueError(f"{name} must have shape (samples, …), not {images.shape}.")
    return images


def looks_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether images of this shape seem to have channels before height and width."""
    return len(shape) == 4 and shape[1] in _CHANNELS and shape[3] not in _CHANNELS


def channels_last_remedy(shape: tuple[int, ...], name: str = "images") -> str:
    """The error message for images with channels first."""
    return (
        f"{name} of shape {shape} seem to have their channels first, but (samples, height, width, "
        f"channels) is expected; give {name}.transpose(0, 2, 3, 1)."
    )


def working_dtype(dtype: Any) -> Any:
    """The dtype of computations: float32, or the given dtype if it is wider."""
    return jnp.promote_types(dtype, jnp.float32)
