"""Checks of `logits_fn`, which returns logits, or a tuple or dict that contains them."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from selectax.arguments.arrays import as_array
from selectax.arguments.images import channels_last_remedy, looks_channels_first

Logits = Float[Array, "samples classes"]


def checked_logits(result: Any, samples: int) -> Logits:
    """The logits that a network returned; only shapes and dtypes are checked.

    Args:
      result: logits of shape (samples, classes); a tuple that begins with them, such as the
        `(logits, activations)` of `selectax.models`; or a dict with the key "logits".
      samples: number of images passed to the network.

    Raises:
      TypeError: the logits are not floating-point numbers.
      ValueError: the logits have the wrong shape, or there is only one class.
    """
    if isinstance(result, tuple | list) and len(result):
        result = result[0]
    elif isinstance(result, Mapping) and "logits" in result:
        result = result["logits"]
    if not hasattr(result, "shape"):
        raise ValueError(
            "logits_fn must return logits of shape (samples, classes), or a tuple that begins with "
            f"them, not {type(result).__name__}; wrap it in a function that returns the logits."
        )
    logits = jnp.asarray(as_array("logits", result))
    if logits.shape == (samples,) or logits.shape == (samples, 1):
        raise ValueError(
            f"logits_fn returns one logit z for each sample (shape {logits.shape}), but accuracy "
            "needs one for each class; return jnp.stack([jnp.zeros_like(z), z], axis=-1)."
        )
    if logits.ndim != 2 or len(logits) != samples:
        raise ValueError(
            f"logits_fn must return logits of shape ({samples}, classes), not {logits.shape}; "
            "return one row for each image."
        )
    if not jnp.issubdtype(logits.dtype, jnp.floating):
        raise TypeError(
            f"logits_fn must return floating-point numbers, not {logits.dtype}; return the logits "
            "and not predicted classes."
        )
    return logits


def checked_logits_fn(logits_fn: Callable[..., Any]) -> Callable[..., Logits]:
    """Wraps logits_fn in a function that returns only its logits, checked.

    If the network fails and the images seem to have channels first, the error says so.

    Raises:
      TypeError: logits_fn is not a function.
    """
    if not callable(logits_fn):
        raise TypeError(
            f"logits_fn must be a function from images to logits, not {type(logits_fn).__name__}."
        )

    @functools.wraps(logits_fn, updated=())
    def call(images, *others):
        try:
            result = logits_fn(images, *others)
        except Exception as error:
            if looks_channels_first(images.shape):
                raise ValueError(channels_last_remedy(images.shape)) from error
            raise
        return checked_logits(result, len(images))

    return call
