"""AugMix: a random mixture of an image and of chains of operations on it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.arguments.images import working_dtype
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import checked_count
from selectax.augmix.application import apply_operations
from selectax.augmix.arguments import (
    checked_alpha,
    checked_depth,
    checked_images,
    checked_number,
    checked_part,
)
from selectax.augmix.operations import AUGMIX_OPERATIONS
from selectax.augmix.pixels import pack, unpack

# Lengths of the chains whose length is random, and the largest level of an operation.
_LONGEST_RANDOM_CHAIN = 3
_LARGEST_LEVEL = 10
# Smallest level of an operation, before it is multiplied by the strength.
_SMALLEST_LEVEL = 0.1


class Draws(NamedTuple):
    """The random numbers of `augment_and_mix`.

    Attributes:
      operation: index of each operation in AUGMIX_OPERATIONS.
      level: uniform in [0, 1); scaled to the level of the operation.
      sign: 1 or −1, the sign of the operation's amount if it has one.
      length: number of operations in each chain.
      weights: weights of the chains in the mixture, which sum to 1.
      share: weight of the mixture of chains in the result, in [0, 1].
    """

    operation: Int[Array, "samples width depth"]
    level: Float[Array, "samples width depth"]
    sign: Float[Array, "samples width depth"]
    length: Int[Array, "samples width"]
    weights: Float[Array, "samples width"]
    share: Float[Array, "samples"]


def augment_and_mix(
    key: PRNGKeyArray,
    images: UInt8[Array, "samples height width 3"] | Float[Array, "samples height width 3"],
    *,
    strength: float | Float[Array, ""] = 1.0,
    severity: float | Float[Array, ""] = 3.0,
    width: int = 3,
    depth: int = -1,
    alpha: float = 1.0,
    part: tuple[int | Int[Array, ""], int] = (0, 1),
) -> Float[Array, "samples height width 3"]:
    """Mixes each image with `width` chains of random operations on it.

    The result is (1 − m) · image + m · Σ wᵢ · chainᵢ(image), with m from Beta(alpha, alpha) and w
    from Dirichlet(alpha, …, alpha). Each operation of a chain is one of AUGMIX_OPERATIONS with
    equal probability, at a level that is uniform between 0.1 and the severity. Chains act on
    bytes, so floats are rounded first. The defaults are those of the authors' code.

    The strength is our addition. It multiplies the severity, which is then clipped to 10, the
    largest in the authors' code. Autocontrast, equalize and posterize change an image at any level,
    so a strength below 1 multiplies m, too. Strength 0 gives the images themselves, exactly, and
    strength 1 the published augmentation. Strength and severity may be traced, so one compilation
    serves all their values.

    Args:
      key: PRNG key; each image gets independent random numbers.
      images: RGB images, as bytes or as floats in [0, 1]. Bytes are divided by 255.
      strength: at least 0; a traced one below 0 counts as 0.
      severity: largest level of the operations, from 0 to 10.
      width: number of chains; static.
      depth: number of operations in each chain, or −1 for a random number from 1 to 3; static.
      alpha: parameter of the Dirichlet and Beta distributions, above 0; static.
      part: (index, number of parts) if devices share a batch and `images` is one part of it. The
        result is the same as if one device had the whole batch.

    Returns:
      Floats in [0, 1]: float32 for bytes, otherwise of the dtype of `images`. A traced image that
      contains NaN or infinity becomes NaN everywhere. Gradients with respect to the images pass
      through (1 − m) · image alone, because chains round their results to bytes.

    Raises:
      TypeError: key is not a PRNG key, images are neither bytes nor floats, width or depth are not
        integers, or strength, severity or alpha are not numbers.
      ValueError: images are not RGB or have the wrong shape; concrete images contain NaN or values
        outside [0, 1]; or another concrete argument is out of range.

    References:
      Hendrycks et al., 2020, arXiv 1912.02781; we followed the functions `aug` of cifar.py and
      `augment_and_mix` of augment_and_mix.py in the authors' code.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax.augmix import augment_and_mix
      >>> images = jax.random.uniform(jax.random.key(0), (2, 32, 32, 3))
      >>> mixed = augment_and_mix(jax.random.key(1), images)
      >>> mixed.shape, bool(jnp.all(mixed == images))
      ((2, 32, 32, 3), False)
      >>> bool(jnp.all(augment_and_mix(jax.random.key(1), images, strength=0) == images))
      True
    """
    key = checked_key(key)
    images = checked_images(images)
    index, parts = checked_part(part)
    return _augment_and_mix(
        key,
        images,
        checked_number("strength", strength),
        checked_number("severity", severity, _LARGEST_LEVEL),
        index,
        width=checked_count("width", width),
        depth=checked_depth(depth),
        alpha=checked_alpha(alpha),
        parts=parts,
        traced=isinstance(images, jax.core.Tracer),
    )


@functools.partial(jax.jit, static_argnames=("width", "depth", "alpha", "parts", "traced"))
def _augment_and_mix(key, images, strength, severity, at, *, width, depth, alpha, parts, traced):
    samples = len(images)
    draws = draw(key, samples * parts, width=width, depth=depth, alpha=alpha)
    own = functools.partial(
        jax.lax.dynamic_slice_in_dim, start_index=at * samples, slice_size=samples
    )
    return mix(images, jax.tree.map(own, draws), strength, severity, traced=traced)


def draw(key: PRNGKeyArray, samples: int, *, width: int, depth: int, alpha: float) -> Draws:
    """Draws the random numbers for a batch; see `augment_and_mix` for the arguments."""
    longest = depth if depth > 0 else _LONGEST_RANDOM_CHAIN
    of_chains, of_mixture = jax.random.split(key)
    uniform = jax.random.uniform(of_chains, (samples, width, 3 * longest + 1), jnp.float32)
    operation, level, sign = jnp.split(uniform[..., 1:], 3, axis=-1)
    length = longest if depth > 0 else 1 + _below(longest, uniform[..., 0])
    weights, share = _weights(of_mixture, samples, width, alpha)
    return Draws(
        operation=_below(len(AUGMIX_OPERATIONS), operation),
        level=level,
        sign=jnp.where(sign > 0.5, jnp.float32(-1), jnp.float32(1)),
        length=jnp.broadcast_to(jnp.asarray(length, jnp.int32), (samples, width)),
        weights=weights,
        share=share,
    )


def _below(number, uniform):
    return jnp.floor(number * uniform).astype(jnp.int32)


def _weights(key, samples, width, alpha):
    """Normalized gamma variables: Dirichlet for the chains, beta for the share of the mixture."""
    shape = (samples, width + 2)
    if alpha == 1:  # exponential variables, which compile faster
        gamma = jax.random.exponential(key, shape, jnp.float32)
        logs = jnp.log(jnp.maximum(gamma, jnp.finfo(jnp.float32).tiny))
    else:
        logs = jax.random.loggamma(key, jnp.float32(alpha), shape, jnp.float32)
    return jax.nn.softmax(logs[:, :width], axis=-1), jax.nn.softmax(logs[:, width:], axis=-1)[:, 0]


def mix(
    images: UInt8[Array, "samples height width 3"] | Float[Array, "samples height width 3"],
    draws: Draws,
    strength: Float[Array, ""],
    severity: Float[Array, ""],
    *,
    traced: bool = False,
) -> Float[Array, "samples height width 3"]:
    """Mixes images with their chains; see `augment_and_mix` for the arguments."""
    if images.dtype == jnp.uint8:
        clean, pixels = images.astype(jnp.float32) / 255, images
    else:
        clean = images.astype(working_dtype(images.dtype))
        pixels = jnp.floor(255 * jax.lax.stop_gradient(clean) + 0.5).astype(jnp.uint8)
    mixture = _mixture(pixels, draws, _levels(draws.level, strength, severity))
    share = (draws.share * jnp.clip(strength, 0, 1))[:, None, None, None]
    mixed = jnp.clip((1 - share) * clean + share * mixture, 0, 1)
    if images.dtype == jnp.uint8:
        return mixed
    mixed = mixed.astype(images.dtype)
    if not traced:
        return mixed
    finite = jnp.all(jnp.isfinite(images), axis=(1, 2, 3), keepdims=True)
    return jnp.where(finite, mixed, jnp.nan)


def _levels(uniform, strength, severity):
    largest = jnp.clip(strength * severity, 0, _LARGEST_LEVEL)
    smallest = jnp.minimum(_SMALLEST_LEVEL, largest)
    return smallest + uniform * (largest - smallest)


def _mixture(images, draws, levels):
    """The weighted mean of each image's chains, in [0, 1]."""
    samples, height, columns, _ = images.shape
    if not images.size:
        return jnp.zeros(images.shape, jnp.float32)
    width, depth = levels.shape[1:]
    size = height, columns
    choices = [
        operation.amount(levels, size) * (draws.sign if operation.is_signed else 1)
        for operation in AUGMIX_OPERATIONS.values()
    ]
    amounts = jnp.take_along_axis(jnp.stack(choices), draws.operation[None], axis=0)[0]
    packed = pack(images)[:, None]
    chains = apply_operations(
        jnp.repeat(packed, width, axis=1).reshape(samples * width, -1),
        draws.operation.reshape(-1, depth),
        amounts.reshape(-1, depth),
        draws.length.reshape(-1),
        size,
    )
    values = unpack(chains.reshape(samples, width, -1)).astype(jnp.float32)
    weights = draws.weights[..., None, None] / 255
    # XLA is many times as slow if the chains are summed as an axis.
    mixture = sum(values[:, chain] * weights[:, chain] for chain in range(width))
    return jnp.reshape(mixture, images.shape)
