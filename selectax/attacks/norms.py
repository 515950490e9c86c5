"""Norms of an attack's ball, as a table of three functions each."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

Images = Float[Array, "samples height width channels"]


class Norm(NamedTuple):
    """What an attack needs to know of a norm; epsilon is broadcastable to the images.

    The arrays are float32 or float64: squares of narrower types overflow.

    Attributes:
      normalize: gradient to the direction of steepest ascent with norm 1; NaN if it is not finite.
      project: (images, origin, epsilon) to images inside the ball around origin.
      random_start: (key, origin, epsilon) to a point drawn uniformly from the ball.

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
    # One float inwards: origin ± epsilon may have been rounded outwards.
    lower = jnp.nextafter(origin - epsilon, origin)
    upper = jnp.nextafter(origin + epsilon, origin)
    return jnp.clip(images, lower, upper)


def _uniform_linf(key, origin, epsilon):
    draws = jax.random.uniform(key, origin.shape, jnp.float32, -1, 1)
    return origin + epsilon * draws.astype(origin.dtype)


def moderate(vectors):
    """Vectors divided by a power of two if their squares or sums could over- or underflow.

    Not by their largest entry, whose reciprocal, which compilers multiply by, may underflow.

    Returns:
      The vectors, and what each was divided by, 1 for those of ordinary size.
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
    # Scaled first: squares of tiny gradients underflow.
    gradient, _ = moderate(gradient)
    largest = jnp.max(jnp.abs(gradient), axis=tuple(range(1, gradient.ndim)), keepdims=True)
    scaled = gradient / jnp.where(largest == 0, 1, largest)
    length = _l2_length(scaled)
    return scaled / jnp.where(length == 0, 1, length)


def _project_l2(images, origin, epsilon):
    shift = images - origin
    length = _l2_length(shift)
    # A hundred-thousandth inwards covers the rounding of the length.
    inside = epsilon * (1 - 1e-5) / jnp.maximum(length, jnp.finfo(length.dtype).tiny)
    shift = shift * jnp.minimum(inside, 1)
    # A barrier, or the compiler would take (origin + shift) − origin for shift, without rounding.
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
