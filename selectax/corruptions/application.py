"""Applies a corruption to a batch of images."""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.arguments.key import checked_key
from selectax.corruptions.arguments import (
    check_name,
    check_severity,
    checked_floats,
    checked_images,
    checked_textures,
    in_unit_range,
)
from selectax.corruptions.corruption import BENCHMARKS, Benchmark, Corruption
from selectax.corruptions.operations.colour import luma
from selectax.corruptions.operations.eight_bits import truncated
from selectax.corruptions.registry import find_corruption

# Some corruptions need dozens of arrays the size of their images. On a CPU these should fit in the
# cache, so fewer images are corrupted at a time.
_PIXELS_AT_A_TIME, _PIXELS_AT_A_TIME_ON_CPU = 2**21, 2**17


def corrupt(
    key: PRNGKeyArray,
    images: Float[Array, "samples height width channels"],
    name: str | Corruption,
    severity: int | Int[Array, ""],
    *,
    benchmark: Benchmark = "cifar10",
    frost_textures: Float[Array, "textures rows columns 3"] | None = None,
) -> Float[Array, "samples height width channels"]:
    """Corrupts images as the benchmark does.

    The published sets hold bytes: `to_published_bytes` converts the result to them. Corruptions
    that need colour (snow, frost, spatter, saturate, JPEG) are applied to a colour copy of images
    with one channel, and the result is converted back to grey.

    Args:
      key: for the corruptions that are random; each sample's key depends on its position.
      images: floats in [0, 1] with 1 or 3 channels; height and width are at least 8. Concrete
        values that rounding has moved out of the range by a few floats are clipped.
      name: a name in CORRUPTIONS, or a `Corruption` of your own.
      severity: 1 to 5; may be traced, and is then clipped to that range.
      benchmark: selects the parameters of the severities: those for images of 32 (cifar10), 64
        (tiny_imagenet) or 224 pixels (imagenet).
      frost_textures: for frost, in [0, 1] and at least as large as the images; each image gets a
        random part of a random texture. By default, synthetic textures with the statistics of the
        benchmark's photographs, not the photographs themselves.

    Returns:
      Images in [0, 1] with the dtype of `images`. A traced image that contains NaN or infinity
      becomes NaN everywhere; concrete ones raise ValueError.

    Raises:
      TypeError: key is not a PRNG key, images are not floats, name is neither a string nor a
        Corruption, or severity is not an integer.
      ValueError: the name or the benchmark is unknown; images or textures have the wrong shape;
        concrete images or textures contain NaN or values outside [0, 1]; a concrete severity is
        outside 1 to 5; or a Corruption of your own returns another shape.

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
    corruption = find_corruption(name)
    check_name("benchmark", benchmark, BENCHMARKS)
    key = checked_key(key)
    check_severity(severity)
    images = checked_images(images, corruption.name)
    if frost_textures is not None:
        frost_textures = checked_textures(frost_textures, images.shape)
    elif corruption.textures is not None:
        frost_textures = jnp.asarray(corruption.textures(benchmark, images.shape[1:3]))
    if corruption.textures is None:
        frost_textures = None
    return _corrupt(
        key,
        images,
        severity,
        frost_textures,
        corruption=corruption,
        benchmark=benchmark,
        traced=isinstance(images, jax.core.Tracer),
    )


@functools.partial(jax.jit, static_argnames=("corruption", "benchmark", "traced"))
def _corrupt(key, images, severity, textures, *, corruption, benchmark, traced):
    *_, channels = images.shape
    as_grey = corruption.needs_colour and channels == 1
    shape_in_colour = (*images.shape[1:3], 3 if as_grey else channels)
    of_all_severities = corruption.constants(corruption.severities_of(benchmark), shape_in_colour)
    at = jnp.clip(severity, 1, 5) - 1
    constants = jax.tree.map(lambda table: jnp.asarray(table)[at], of_all_severities)
    if textures is not None:
        constants = (constants, jnp.asarray(textures, jnp.float32))

    def corrupt_one(position, image):
        image = image.astype(jnp.float32)
        finite = jnp.all(jnp.isfinite(image))
        if as_grey:
            image = jnp.repeat(image, 3, axis=-1)
        clean, image = image, corruption.apply(jax.random.fold_in(key, position), image, constants)
        _check_shape(corruption, image, clean)
        if as_grey:
            image = luma(image)
        image = jnp.clip(image, 0, 1).astype(images.dtype)
        # Applied last: a mask that XLA fuses with the arithmetic changes the results' last bits.
        return jnp.where(finite, image, jnp.nan) if traced else image

    return _in_parts(jax.vmap(corrupt_one), images)


def _check_shape(corruption, corrupted, image):
    if jnp.shape(corrupted) != image.shape:
        raise ValueError(
            f"apply of corruption {corruption.name!r} must return an image of shape "
            f"{image.shape}, as it is given, not {jnp.shape(corrupted)}."
        )


def _in_parts(function, images):
    """Applies a function of positions and images to parts of the batch in turn, to save memory."""
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
    """Converts corrupted images to bytes as the published sets hold them: truncated, not rounded.

    Args:
      images: floats in [0, 1].

    Returns:
      Bytes from 0 to 255. If `images` is traced, its values cannot be checked: values outside
      [0, 1] are clipped, and NaN becomes 0.

    Raises:
      TypeError: images are not floats, for example bytes.
      ValueError: concrete values are NaN or outside [0, 1].

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> selectax.to_published_bytes(jnp.array([0.0, 0.5, 1.0])).tolist()
      [0, 127, 255]
    """
    images = in_unit_range("images", checked_floats("images", images)).astype(jnp.float32)
    numbers = jnp.where(jnp.isnan(images), 0, jnp.clip(images, 0, 1))
    return truncated(numbers).astype(jnp.uint8)
