"""Norms in which attacks measure distances; each is three functions."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

Images = Float[Array, "samples height width channels"]


NormName = Literal["linf", "l2"]


class Norm(NamedTuple):
    """The three functions that attacks need for a norm. Pass your own as `norm=Norm(...)`.

    All arrays are float32 or float64; narrower images are converted before. Epsilon broadcasts to
    the images: it is a scalar, or one value per sample. After the projection, pixels are clipped to
    the bounds. The result stays in the ball if moving a pixel towards the origin never makes the
    distance larger, which holds for all p-norms.

    Attributes:
      normalize: function that turns a gradient into the direction of steepest ascent, of norm 1;
        NaN if the gradient is not finite.
      project: function of (images, origin, epsilon) that moves images into the ball around origin.
      random_start: function of (key, origin, epsilon) that returns a random point of the ball,
        usually drawn uniformly.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import NORMS
      >>> NORMS["linf"].normalize(jnp.array([[[[0.2, -3.0]]]])).tolist()
      [[[[1.0, -1.0]]]]
    """

    normalize: Callable[[Images], Images]
    project: Callable[[Images, Images, Array], Images]
    random_start: Callable[[PRNGKeyArray, Images, Array], Images]


def _project_linf(images, origin, epsilon):
    # One float inwards, because origin ± epsilon may have been rounded outwards.
    lower = jnp.nextafter(origin - epsilon, origin)
    upper = jnp.nextafter(origin + epsilon, origin)
    return jnp.clip(images, lower, upper)


def _uniform_linf(key, origin, epsilon):
    draws = jax.random.uniform(key, origin.shape, jnp.float32, -1, 1)
    return origin + epsilon * draws.astype(origin.dtype)


def moderate(vectors: Images) -> tuple[Images, Float[Array, "samples ..."]]:
    """Divides vectors by a power of two if their squares or sums could overflow or underflow.

    They are not divided by their largest entry, because compilers multiply by its reciprocal, which
    may underflow.

    Returns:
      The vectors, and the divisor of each, which is 1 for vectors of ordinary size.
    """
    axes = tuple(range(1, vectors.ndim))
    largest = jnp.max(jnp.abs(vectors), axis=axes, keepdims=True)
    small = (largest > 0) & (largest < 2.0**-40)
    unit = jnp.where(largest > 2.0**60, 2.0**90, jnp.where(small, 2.0**-80, 1.0))
    unit = unit.astype(vectors.dtype)
    return vectors / unit, unit


def _l2_length(vectors):
    vectors, unit = moderate(vectors)
    axes = tuple(range(1, vectors.ndim))
    return unit * jnp.sqrt(jnp.sum(vectors**2, axis=axes, keepdims=True))


def _normalize_l2(gradient):
    # Scaled first, because squares of tiny gradients underflow.
    gradient, _ = moderate(gradient)
    largest = jnp.max(jnp.abs(gradient), axis=tuple(range(1, gradient.ndim)), keepdims=True)
    scaled = gradient / jnp.where(largest == 0, 1, largest)
    length = _l2_length(scaled)
    return scaled / jnp.where(length == 0, 1, length)


def _project_l2(images, origin, epsilon):
    shift = images - origin
    length = _l2_length(shift)
    # 1e-5 inwards, because the length is rounded.
    inside = epsilon * (1 - 1e-5) / jnp.maximum(length, jnp.finfo(length.dtype).tiny)
    shift = shift * jnp.minimum(inside, 1)
    # Without a barrier, the compiler would simplify (origin + shift) − origin to shift, unrounded.
    projected = jax.lax.optimization_barrier(origin + shift)
    outwards = jnp.abs(projected - origin) > jnp.abs(shift)
    return jnp.where(outwards, jnp.nextafter(projected, origin), projected)


def _uniform_l2(key, origin, epsilon):
    direction_key, radius_key = jax.random.split(key)
    direction = jax.random.normal(direction_key, origin.shape, jnp.float32)
    direction = _normalize_l2(direction).astype(origin.dtype)
    dimensions = float(np.prod(origin.shape[1:]))
    shape = (len(origin),) + (1,) * (origin.ndim - 1)
    uniform = jax.random.uniform(radius_key, shape, jnp.float32)
    return origin + epsilon * (uniform ** (1 / dimensions)).astype(origin.dtype) * direction


NORMS = {
    "linf": Norm(jnp.sign, _project_linf, _uniform_linf),
    "l2": Norm(_normalize_l2, _project_l2, _uniform_l2),
}


def checked_norm(norm: Any) -> Norm:
    """Norm with this name, or the caller's own norm with checked results.

    Raises:
      ValueError: the name is unknown, or norm is not a `Norm` of three functions.
    """
    if isinstance(norm, str) and norm in NORMS:
        return NORMS[norm]
    if not isinstance(norm, Norm) or not all(map(callable, norm)):
        raise ValueError(
            f"norm must be one of {', '.join(NORMS)} or a Norm of three functions, not {norm!r}."
        )
    if norm in NORMS.values():
        return norm
    # The gradient, the images and the origin have the result's shape.
    return Norm(*map(_with_checked_result, Norm._fields, norm, (0, 0, 1)))


def _with_checked_result(name, function, position):
    """The function, which must return an array like its argument at this position."""

    def call(*arguments):
        result, like = jnp.asarray(function(*arguments)), arguments[position]
        if result.shape != like.shape or result.dtype != like.dtype:
            raise ValueError(
                f"norm.{name} must return {like.dtype} of shape {like.shape}, not {result.dtype} "
                f"of shape {result.shape}; return one value per pixel."
            )
        return result

    return call
