"""The common corruptions of CIFAR-10-C, Tiny ImageNet-C and ImageNet-C, in JAX.

One contract for all: float images in [0, 1] of any height and width from 8 pixels on go in, and
images of the same shape and dtype, in [0, 1], come out. The benchmark's name chooses whose
severities are meant. Each sample has its own randomness from the key. Severity may be traced: one
compilation serves all five.

References:
  Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions and
  perturbations".
"""

import difflib
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.corruptions import (
    blur,
    digital,
    elastic,
    frost,
    glass,
    jpeg,
    motion,
    noise,
    spatter,
    weather,
)
from selectax.corruptions.colour import luma
from selectax.corruptions.eight_bits import truncated
from selectax.corruptions.severities import BENCHMARKS, SEVERITIES, Benchmark

__all__ = [
    "BENCHMARKS",
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "corrupt",
    "to_published_bytes",
]

_BENCHMARK = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": glass.glass_blur,
    "motion_blur": motion.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": frost.frost,
    "fog": weather.fog,
    "brightness": weather.brightness,
    "contrast": digital.contrast,
    "elastic_transform": elastic.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": jpeg.jpeg_compression,
}
_EXTRA = {
    "speckle_noise": noise.speckle_noise,
    "gaussian_blur": blur.gaussian_blur,
    "spatter": spatter.spatter,
    "saturate": digital.saturate,
}
_ALL = _BENCHMARK | _EXTRA

CORRUPTIONS = tuple(_ALL)
BENCHMARK_CORRUPTIONS = tuple(_BENCHMARK)

_SMALLEST_SIDE = 8
# Some corruptions hold dozens of arrays of so many pixels, which on a CPU should fit its cache.
_PIXELS_AT_A_TIME, _PIXELS_AT_A_TIME_ON_CPU = 2**21, 2**17


def corrupt(
    key: PRNGKeyArray,
    images: Float[Array, "samples height width channels"],
    name: str,
    severity: int | Int[Array, ""],
    *,
    benchmark: Benchmark = "cifar10",
    frost_textures: Float[Array, "textures rows columns 3"] | None = None,
) -> Float[Array, "samples height width channels"]:
    """Corrupts images as the benchmark does.

    `to_published_bytes` makes of the result what the published sets hold. Of grey images, with one
    channel, the corruptions that concern colours (snow, frost, spatter, saturate, JPEG) give the
    grey of what they do to the same image in colour.

    Args:
      key: for the corruptions that draw at random; a sample's share of it depends on its position.
      images: in [0, 1]; height and width are at least 8.
      name: one of CORRUPTIONS.
      severity: 1 to 5; may be traced, and is then clipped to that range.
      benchmark: whose parameters a severity means: those for images of 32, 64 or 224 pixels.
      frost_textures: for frost, in [0, 1] and at least as large as the images; each image gets a
        random part of a random one. By default they are made up after the statistics of the
        benchmark's photographs: they are not those photographs.

    Returns:
      Images in [0, 1].

    Raises:
      TypeError: images are no floats, or severity is no integer.
      ValueError: the name or the benchmark is unknown, images or textures have another shape, or,
        where values are concrete, they lie outside [0, 1] or severity outside 1 to 5.

    References:
      Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions
      and perturbations".

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images = jnp.full((2, 32, 32, 3), 0.5).at[:, :16].set(0.9)
      >>> corrupted = selectax.corrupt(jax.random.key(0), images, "contrast", severity=5)
      >>> corrupted[0, ::31, 0, 0].round(3)
      Array([0.73, 0.67], dtype=float32)
    """
    _check_name("name", name, CORRUPTIONS)
    _check_name("benchmark", benchmark, BENCHMARKS)
    _check_images(images)
    _check_channels(images, name)
    if not jnp.issubdtype(jnp.result_type(severity), jnp.integer) or jnp.ndim(severity) != 0:
        raise TypeError(f"severity must be one integer from 1 to 5, not {severity!r}.")
    if not isinstance(severity, jax.core.Tracer) and not 1 <= severity <= 5:
        raise ValueError(f"severity must be an integer from 1 to 5, not {severity}.")
    if frost_textures is not None:
        _check_textures(frost_textures, images.shape)
    elif name == "frost":
        frost_textures = jnp.asarray(frost.make_textures(benchmark, max(images.shape[1:3])))
    if name != "frost":
        frost_textures = None
    return _corrupt(key, images, severity, frost_textures, name=name, benchmark=benchmark)


@functools.partial(jax.jit, static_argnames=("name", "benchmark"))
def _corrupt(key, images, severity, frost_textures, *, name, benchmark):
    corruption = _ALL[name]
    *_, channels = images.shape
    as_grey = corruption.in_colour and channels == 1
    shape_in_colour = (*images.shape[1:3], 3 if as_grey else channels)
    of_all_severities = corruption.constants(SEVERITIES[name][benchmark], shape_in_colour)
    at = jnp.clip(severity, 1, 5) - 1
    constants = jax.tree.map(lambda table: jnp.asarray(table)[at], of_all_severities)
    if frost_textures is not None:
        constants = (constants, jnp.asarray(frost_textures, jnp.float32))

    def corrupt_one(position, image):
        image = image.astype(jnp.float32)
        if as_grey:
            image = jnp.repeat(image, 3, axis=-1)
        image = corruption.apply(jax.random.fold_in(key, position), image, constants)
        if as_grey:
            image = luma(image)
        return jnp.clip(image, 0, 1).astype(images.dtype)

    return _in_parts(jax.vmap(corrupt_one), images)


def _in_parts(function, images):
    """Applies a function of positions and images to a part of them at a time, to save memory."""
    samples, height, width, _ = images.shape
    on_cpu = jax.default_backend() == "cpu"
    pixels_at_a_time = _PIXELS_AT_A_TIME_ON_CPU if on_cpu else _PIXELS_AT_A_TIME
    parts = math.ceil(samples / max(pixels_at_a_time // (height * width), 1))
    if parts <= 1:
        return function(jnp.arange(samples, dtype=jnp.int32), images)
    size = math.ceil(samples / parts)
    padded = jnp.pad(images, ((0, parts * size - samples), (0, 0), (0, 0), (0, 0)))
    positions = jnp.arange(parts * size, dtype=jnp.int32)
    results = jax.lax.map(
        lambda part: function(*part),
        (positions.reshape(parts, size), padded.reshape(parts, size, *images.shape[1:])),
    )
    return results.reshape(padded.shape)[:samples]


def to_published_bytes(
    images: Float[Array, "*shape"],
) -> UInt8[Array, "*shape"]:
    """What the published sets hold of corrupted images: bytes, truncated and not rounded.

    Args:
      images: in [0, 1].

    Returns:
      From 0 to 255.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.to_published_bytes(jnp.array([0.0, 0.5, 1.0])).tolist()
      [0, 127, 255]
    """
    return truncated(images).astype(jnp.uint8)


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
    if min(images.shape[1:3]) < _SMALLEST_SIDE:
        raise ValueError(
            f"images must be at least {_SMALLEST_SIDE} pixels high and wide, not "
            f"{images.shape[1]} × {images.shape[2]}; enlarge them."
        )
    if not isinstance(images, jax.core.Tracer):
        pixels = np.asarray(images)
        if not np.all((pixels >= 0) & (pixels <= 1)):
            raise ValueError("images must lie in [0, 1]; divide bytes by 255.")


def _check_channels(images, name):
    if _ALL[name].in_colour and images.shape[3] not in (1, 3):
        raise ValueError(
            f"images must have 1 or 3 channels for {name}, not {images.shape[3]}; corrupt their "
            "colours alone."
        )


def _check_textures(textures, images_shape):
    _, height, width, _ = images_shape
    shape = textures.shape
    if len(shape) != 4 or shape[0] == 0 or shape[3] != 3 or shape[1] < height or shape[2] < width:
        raise ValueError(
            f"frost_textures must have shape (textures, at least {height}, at least {width}, 3), "
            f"not {shape}; enlarge them."
        )
    if not jnp.issubdtype(textures.dtype, jnp.floating):
        raise TypeError(
            f"frost_textures must be floats in [0, 1], not {textures.dtype}; divide bytes by 255."
        )
    if not isinstance(textures, jax.core.Tracer):
        values = np.asarray(textures)
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError("frost_textures must lie in [0, 1]; divide bytes by 255.")
