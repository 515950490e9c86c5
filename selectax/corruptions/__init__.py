"""The common corruptions of CIFAR-10-C, Tiny ImageNet-C and ImageNet-C, in JAX.

All 19 share one contract. They take float images in [0, 1], of 1 or 3 channels and of any height
and width from 8 pixels on, and return images of the same shape and dtype in [0, 1]. The benchmark's
name chooses the severities. Each sample has its own randomness from the key. Severity may be
traced: one compilation serves all five. Computation is in float32, whatever the dtype of the images
and the default dtypes of the process.

References:
  Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions and
  perturbations".
"""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.arguments.key import checked_key
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
from selectax.corruptions.arguments import (
    check_name,
    check_severity,
    checked_floats,
    checked_images,
    checked_textures,
    in_unit_range,
)
from selectax.corruptions.operations.colour import luma
from selectax.corruptions.operations.eight_bits import truncated
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
      images: floats in [0, 1], of 1 or 3 channels; height and width are at least 8. Concrete
        values may exceed the range by a few floats, as rounding leaves them, and are clipped.
      name: one of CORRUPTIONS.
      severity: 1 to 5; may be traced, and is then clipped to that range.
      benchmark: whose parameters a severity means: those for images of 32, 64 or 224 pixels.
      frost_textures: for frost, in [0, 1] and at least as large as the images; each image gets a
        random part of a random one. By default they are made up after the statistics of the
        benchmark's photographs: they are not those photographs.

    Returns:
      Images in [0, 1], of the dtype of `images`. An image that holds NaN or an infinity, which only
      traced ones can, becomes NaN as a whole.

    Raises:
      TypeError: key is no PRNG key, images are no floats, or severity is no integer.
      ValueError: the name or the benchmark is unknown, images or textures have another shape, or,
        where values are concrete, they are NaN or lie outside [0, 1], or severity lies outside
        1 to 5.

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
    check_name("name", name, CORRUPTIONS)
    check_name("benchmark", benchmark, BENCHMARKS)
    key = checked_key(key)
    check_severity(severity)
    images = checked_images(images, name)
    if frost_textures is not None:
        frost_textures = checked_textures(frost_textures, images.shape)
    elif name == "frost":
        frost_textures = jnp.asarray(frost.make_textures(benchmark, images.shape[1:3]))
    if name != "frost":
        frost_textures = None
    return _corrupt(
        key,
        images,
        severity,
        frost_textures,
        name=name,
        benchmark=benchmark,
        traced=isinstance(images, jax.core.Tracer),
    )


@functools.partial(jax.jit, static_argnames=("name", "benchmark", "traced"))
def _corrupt(key, images, severity, frost_textures, *, name, benchmark, traced):
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
        finite = jnp.all(jnp.isfinite(image))
        if as_grey:
            image = jnp.repeat(image, 3, axis=-1)
        image = corruption.apply(jax.random.fold_in(key, position), image, constants)
        if as_grey:
            image = luma(image)
        image = jnp.clip(image, 0, 1).astype(images.dtype)
        # At the end: fused with the arithmetic, a mask changes the last bits of the results.
        return jnp.where(finite, image, jnp.nan) if traced else image

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
      images: floats in [0, 1].

    Returns:
      Bytes from 0 to 255. Where `images` is traced, so that its values cannot be checked, values
      outside [0, 1] are clipped and NaN becomes 0.

    Raises:
      TypeError: images are no floats, such as bytes.
      ValueError: concrete values are NaN or lie outside [0, 1].

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.to_published_bytes(jnp.array([0.0, 0.5, 1.0])).tolist()
      [0, 127, 255]
    """
    images = in_unit_range("images", checked_floats("images", images)).astype(jnp.float32)
    numbers = jnp.where(jnp.isnan(images), 0, jnp.clip(images, 0, 1))
    return truncated(numbers).astype(jnp.uint8)
