"""The common corruptions of CIFAR-10-C, Tiny ImageNet-C and ImageNet-C, in JAX.

One contract for all: float images in [0, 1] of any height and width go in, and images of the same
shape and dtype, in [0, 1], come out. The benchmark's name chooses whose severities are meant. Each
sample has its own randomness from the key. Severity may be traced: one compilation serves all five.

References:
  Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions and
  perturbations".
"""

import difflib
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.corruptions.blur import gaussian_blur
from selectax.corruptions.digital import contrast, pixelate
from selectax.corruptions.noise import gaussian_noise
from selectax.corruptions.severities import BENCHMARKS, SEVERITIES
from selectax.corruptions.weather import brightness

_BENCHMARK = {
    "gaussian_noise": gaussian_noise,
    "brightness": brightness,
    "contrast": contrast,
    "pixelate": pixelate,
}
_EXTRA = {"gaussian_blur": gaussian_blur}
_ALL = _BENCHMARK | _EXTRA

CORRUPTIONS = tuple(_ALL)
BENCHMARK_CORRUPTIONS = tuple(_BENCHMARK)


def corrupt(
    key: PRNGKeyArray,
    images: Float[Array, "samples height width channels"],
    name: str,
    severity: int | Int[Array, ""],
    *,
    benchmark: Literal["cifar10", "tiny_imagenet", "imagenet"] = "cifar10",
) -> Float[Array, "samples height width channels"]:
    """Corrupts images as the benchmark does.

    Args:
      key: for the corruptions that draw at random; a sample's share of it depends on its position.
      images: in [0, 1].
      name: one of CORRUPTIONS.
      severity: 1 to 5; may be traced, and is then clipped to that range.
      benchmark: whose parameters a severity means: those for images of 32, 64 or 224 pixels.

    Returns:
      Images in [0, 1].

    Raises:
      TypeError: images are no floats, or severity is no integer.
      ValueError: the name or the benchmark is unknown, images have another shape, or, where values
        are concrete, images lie outside [0, 1] or severity outside 1 to 5.
    """
    _check_name("name", name, CORRUPTIONS)
    _check_name("benchmark", benchmark, BENCHMARKS)
    _check_images(images)
    if not jnp.issubdtype(jnp.result_type(severity), jnp.integer) or jnp.ndim(severity) != 0:
        raise TypeError(f"severity must be one integer from 1 to 5, not {severity!r}.")
    if not isinstance(severity, jax.core.Tracer) and not 1 <= severity <= 5:
        raise ValueError(f"severity must be an integer from 1 to 5, not {severity}.")
    apply, constants = _ALL[name]
    of_all_severities = constants(SEVERITIES[name][benchmark], images.shape[1:])
    at = jnp.clip(severity, 1, 5) - 1
    of_severity = jax.tree.map(
        lambda table: jnp.asarray(table, images.dtype)[at], of_all_severities
    )
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(images)))
    return jnp.clip(jax.vmap(apply, (0, 0, None))(keys, images, of_severity), 0, 1)


def to_published_bytes(
    images: Float[Array, "*shape"],
) -> UInt8[Array, "*shape"]:
    """What the published sets hold of corrupted images: bytes, truncated and not rounded.

    Args:
      images: in [0, 1].
    """
    # A trifle more, or what rounding left just below a byte would be truncated to the one before.
    return jnp.floor(images * 255 + 3e-5).astype(jnp.uint8)


def _check_name(argument, name, known):
    if name not in known:
        nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0)[0]
        raise ValueError(
            f"{argument} {name!r} is unknown; did you mean {nearest!r}? "
            f"Known are {', '.join(known)}."
        )


def _check_images(images):
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(
            f"images must be floats in [0, 1], not {images.dtype}; divide bytes by 255."
        )
    if images.ndim != 4:
        raise ValueError(
            f"images must have shape (samples, height, width, channels), not {images.shape}."
        )
    if not isinstance(images, jax.core.Tracer):
        pixels = np.asarray(images)
        if not np.all((pixels >= 0) & (pixels <= 1)):
            raise ValueError("images must lie in [0, 1]; divide bytes by 255.")
