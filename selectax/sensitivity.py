"""Sensitivity: how strongly each unit's response depends on the input, and how much that varies.

The input-unit gradient is the derivative of a unit's response to a sample with respect to that
sample. The functions compute its l2 norm, and the variation of the norm over samples and over the
units of a layer. `responses_fn` maps images to a pytree of arrays of shape (samples, units); the
responses to a sample must depend on that sample only, so batch norm must use running statistics.

References:
  Leavitt & Morcos, 2020, "Linking average- and worst-case perturbation robustness via class
  selectivity and dimensionality", arXiv 2010.07693 (input-unit gradient and its variation).
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from selectax.arguments.images import float_images
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import checked_count
from selectax.arguments.samples import checked_where
from selectax.arguments.states import check_alike, check_state
from selectax.numerics import scaled
from selectax.numerics.compiled import run_compiled

__all__ = [
    "InputGradientNorms",
    "NormMoments",
    "exact_input_gradient_norms",
    "init_norm_moments",
    "input_gradient_norms",
    "merge_norm_moments",
    "merge_norm_moments_over_devices",
    "update_norm_moments",
    "variation_over_samples",
    "variation_over_units",
]

ResponsesFn = Callable[[Float[Array, "samples ..."]], Any]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class InputGradientNorms:
    """Norms of the input-unit gradients of one layer, exact or estimated without bias.

    Attributes:
      norm: l2 norm of the gradient.
      squared_norm: squared norm, in units of scale². An estimate of its own, not norm squared.
      scale: power of two that keeps the square of a tiny or huge norm within float32; 1 for norms
        from about 1e-12 to 1e12, and by default.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> norm = jnp.array([[5.0]])
      >>> selectax.InputGradientNorms(norm, squared_norm=norm**2).norm.shape
      (1, 1)
    """

    norm: Float[Array, "samples units"]
    squared_norm: Float[Array, "samples units"]
    scale: Float[Array, "samples units"] | float = 1.0


def exact_input_gradient_norms(
    responses_fn: ResponsesFn, images: Float[Array, "samples ..."], *, units_at_a_time: int = 1
) -> Any:
    """Exact norms of the input-unit gradients, by one vector-Jacobian product for each unit.

    Args:
      responses_fn: maps images to a pytree of responses of shape (samples, units).
      images: images of any shape (samples, …).
      units_at_a_time: number of units whose products are computed together. More units use more
        memory and utilize an accelerator better.

    Returns:
      The pytree that responses_fn returns, with an `InputGradientNorms` in float32 for each array.

    Raises:
      TypeError: images are not floating-point numbers.
      ValueError: units_at_a_time is below 1, images are empty, or responses have the wrong shape.

    References:
      Leavitt & Morcos, 2020, arXiv 2010.07693.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> def responses_fn(images):
      ...     return {"layer": images @ jnp.array([[3.0, 0.0], [4.0, 1.0]])}
      ...
      >>> norms = selectax.exact_input_gradient_norms(responses_fn, jnp.ones((1, 2)))
      >>> norms["layer"].norm.tolist()
      [[5.0, 1.0]]
    """
    images = _images(images)
    checked_count("units_at_a_time", units_at_a_time)
    norms = functools.partial(_exact_norms, responses_fn, units_at_a_time=units_at_a_time)
    return run_compiled(norms, images)


def _exact_norms(responses_fn, images, *, units_at_a_time: int):
    structure, widths = _layers(responses_fn, images)

    def of_layer(number):
        def responses_of_layer(images):
            return jax.tree.leaves(responses_fn(images))[number]

        responses, pull_back = jax.vjp(responses_of_layer, images)

        def squared_norm(unit):
            of_unit = jnp.arange(responses.shape[1], dtype=jnp.int32) == unit
            cotangent = jnp.broadcast_to(of_unit.astype(responses.dtype), responses.shape)
            (gradient,) = pull_back(cotangent)
            gradient = _flat(gradient)
            scale = scaled.scale_for(jnp.max(jnp.abs(gradient), axis=1, initial=0))
            return jnp.sum(jnp.square(scaled.divided(gradient, scale[:, None])), axis=1), scale

        squares, scale = jax.lax.map(
            squared_norm,
            jnp.arange(widths[number], dtype=jnp.int32),
            batch_size=min(units_at_a_time, widths[number]),
        )
        squares = jnp.where(_defined(responses, images), squares.T, jnp.nan)
        return InputGradientNorms(scaled.multiplied(jnp.sqrt(squares), scale.T), squares, scale.T)

    return jax.tree.unflatten(structure, [of_layer(number) for number in range(len(widths))])


def input_gradient_norms(
    key: PRNGKeyArray,
    responses_fn: ResponsesFn,
    images: Float[Array, "samples ..."],
    *,
    directions: int = 64,
    directions_at_a_time: int = 1,
) -> Any:
    """Unbiased estimates of the norms of the input-unit gradients, from random directions.

    Forward-mode differentiation along a direction v ~ N(0, 1), drawn for each sample, gives
    p = g · v for all units at once. The sum of p² over K directions is ‖g‖² times a χ² variable
    with K degrees of freedom. Its mean over directions is therefore an unbiased estimate of ‖g‖²,
    and its square root, divided by the mean √2 Γ((K + 1) / 2) / Γ(K / 2) of a χ variable, is an
    unbiased estimate of ‖g‖. The relative standard deviation of the squared norm is √(2 / K).

    Args:
      key: PRNG key for the directions.
      responses_fn: maps images to a pytree of responses of shape (samples, units). It must support
        forward-mode differentiation, which a custom_vjp does not: create networks of
        `selectax.models` with `convolve=native_convolution`.
      images: images of any shape (samples, …).
      directions: number K of directions for each sample.
      directions_at_a_time: number of directions computed together. More directions use more memory
        and utilize an accelerator better.

    Returns:
      The pytree that responses_fn returns, with an `InputGradientNorms` in float32 for each array.

    Raises:
      TypeError: images are not floating-point numbers, or responses_fn does not support
        forward-mode differentiation.
      ValueError: a number is below 1, images are empty, or responses have the wrong shape.

    References:
      Leavitt & Morcos, 2020, arXiv 2010.07693 (the norms; the estimate is ours).

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> def responses_fn(images):
      ...     return {"layer": images @ jnp.array([[3.0, 0.0], [4.0, 1.0]])}
      ...
      >>> key, images = jax.random.key(0), jnp.ones((1, 2))
      >>> norms = selectax.input_gradient_norms(key, responses_fn, images, directions=4096)
      >>> bool(jnp.all(jnp.abs(norms["layer"].norm - jnp.array([[5.0, 1.0]])) < 0.3))
      True
    """
    key, images = checked_key(key), _images(images)
    checked_count("directions", directions)
    checked_count("directions_at_a_time", directions_at_a_time)
    options = {"directions": directions, "directions_at_a_time": directions_at_a_time}
    return run_compiled(functools.partial(_estimated_norms, responses_fn, **options), key, images)


def _estimated_norms(responses_fn, key, images, *, directions: int, directions_at_a_time: int):
    structure, widths = _layers(responses_fn, images)

    def side_by_side(images):
        return jnp.concatenate(jax.tree.leaves(responses_fn(images)), axis=1)

    responses, push_forward = jax.linearize(side_by_side, images)
    # JAX itself would raise an error only when the program is lowered.
    if "custom_lin" in str(jax.make_jaxpr(push_forward)(images)):
        raise TypeError(
            "responses_fn has a custom_vjp, which does not support forward mode; clone the module "
            "with convolve=native_convolution, or use exact_input_gradient_norms."
        )

    def slope(key):
        direction = jax.random.normal(key, images.shape, jnp.float32)
        return push_forward(direction.astype(images.dtype)).astype(jnp.float32)

    group = min(directions_at_a_time, directions)
    whole, rest = divmod(directions, group)

    def add_group(carry, keys):
        total, scale = carry
        slopes = jax.vmap(slope)(keys)
        larger = jnp.maximum(scale, scaled.scale_for(jnp.max(jnp.abs(slopes), axis=0)))
        total = scaled.rescaled_square(total, scale, larger)
        return (total + jnp.sum(jnp.square(scaled.divided(slopes, larger)), axis=0), larger), None

    keys = jax.random.split(key, directions)
    nothing = jnp.zeros((images.shape[0], sum(widths)), jnp.float32)
    carry = (nothing, nothing)
    if rest:
        carry, _ = add_group(carry, keys[:rest])
    groups = keys[rest:].reshape(whole, group, *keys.shape[1:])
    (total, scale), _ = jax.lax.scan(add_group, carry, groups)
    total = jnp.where(_defined(responses, images), total, jnp.nan)
    logarithm = math.lgamma((directions + 1) / 2) - math.lgamma(directions / 2)
    mean_of_chi = math.sqrt(2) * math.exp(logarithm)
    norms = scaled.multiplied(jnp.sqrt(total) / mean_of_chi, scale)
    ends = [sum(widths[: number + 1]) for number in range(len(widths))]
    wholes = norms, total / directions, scale
    layers = zip(*(jnp.split(whole, ends[:-1], axis=1) for whole in wholes), strict=True)
    return jax.tree.unflatten(structure, [InputGradientNorms(*layer) for layer in layers])


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class NormMoments:
    """Moments of one layer's gradient norms, accumulated in one pass over samples.

    Moments do not add: `merge_norm_moments` merges two, and `merge_norm_moments_over_devices` those
    of all devices.

    Attributes:
      count: number of samples seen.
      mean: mean over samples of each unit's norm, in units of scale.
      scatter: sum over samples of the squared deviation from the mean, in units of scale².
      noise: sum over samples of the estimated variance of the norm's own estimate, in units of
        scale²; 0 for exact norms.
      scale: power of two that keeps the squares of tiny or huge norms within float32; 1 for norms
        from about 1e-12 to 1e12, 0 before the first sample.

    Example:
      >>> import selectax
      >>> selectax.init_norm_moments(units=3).mean.shape
      (3,)
    """

    count: Float[Array, ""]
    mean: Float[Array, "units"]
    scatter: Float[Array, "units"]
    noise: Float[Array, "units"]
    scale: Float[Array, "units"] | float = 1.0


def init_norm_moments(units: int) -> NormMoments:
    """Initial moments, of no samples, in float32.

    Args:
      units: number of units of the layer.

    Returns:
      A count, and mean, scatter, noise and scale of shape (units,), all 0.

    Example:
      >>> import selectax
      >>> selectax.init_norm_moments(units=16).scatter.shape
      (16,)
    """
    zeros = jnp.zeros(units, jnp.float32)
    return NormMoments(jnp.zeros((), jnp.float32), zeros, zeros, zeros, zeros)


def update_norm_moments(
    moments: NormMoments,
    norms: InputGradientNorms,
    *,
    where: Bool[Array, "samples"] | None = None,
) -> NormMoments:
    """Adds a batch of one layer's gradient norms to the moments.

    Args:
      moments: the state so far.
      norms: gradient norms of one layer.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      Moments of all samples so far.

    Raises:
      TypeError: moments is not NormMoments, or norms are not those of one layer.
      ValueError: shapes do not match.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> norms = jnp.array([[1.0, 4.0], [3.0, 4.0]])
      >>> norms = selectax.InputGradientNorms(norms, norms**2)
      >>> moments = selectax.update_norm_moments(selectax.init_norm_moments(units=2), norms)
      >>> moments.mean.tolist(), moments.scatter.tolist()
      ([2.0, 4.0], [2.0, 0.0])
    """
    check_state("moments", NormMoments, moments)
    if not isinstance(norms, InputGradientNorms):
        raise TypeError(
            f"norms must be InputGradientNorms, not {type(norms).__name__}; give one layer's."
        )
    shape = norms.norm.shape
    if len(shape) != 2 or shape[1:] != moments.mean.shape or norms.squared_norm.shape != shape:
        raise ValueError(
            f"norms must have shape (samples, {moments.mean.shape[0]}), not {shape} and, squared, "
            f"{norms.squared_norm.shape}."
        )
    where = checked_where(where, shape[0])
    mask = jnp.ones((shape[0], 1), bool) if where is None else where[:, None]
    norm = jnp.where(mask, jnp.asarray(norms.norm).astype(jnp.float32), 0)
    largest = jnp.max(norm, axis=0, initial=0)
    # Norms of 0 have any scale, so theirs must not be that of the whole layer or of all batches.
    scale = jnp.where(largest == 0, 0, scaled.scale_for(largest))
    norm = scaled.divided(norm, scale)
    count = jnp.sum(mask, dtype=jnp.float32)
    mean = jnp.sum(norm, axis=0) / jnp.maximum(count, 1)
    scatter = jnp.sum(jnp.where(mask, jnp.square(norm - mean), 0), axis=0)
    # norm² − squared_norm is an unbiased estimate of the variance of norm, since both are unbiased.
    squared = jnp.asarray(norms.squared_norm).astype(jnp.float32)
    squared = scaled.rescaled_square(squared, jnp.asarray(norms.scale, jnp.float32), scale)
    excess = jnp.where(mask, jnp.square(norm) - squared, 0)
    noise = jnp.sum(excess, axis=0)
    return merge_norm_moments(moments, NormMoments(count, mean, scatter, noise, scale))


def merge_norm_moments(a: NormMoments, b: NormMoments) -> NormMoments:
    """Moments of the samples of both; associative and commutative up to rounding.

    Args:
      a: moments of some samples.
      b: moments of other samples, with the same number of units.

    Returns:
      Moments of all samples.

    Raises:
      TypeError: a or b is no such state.
      ValueError: the numbers of units differ.

    References:
      Chan, Golub & LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
      variances".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> norms = jnp.array([[1.0, 4.0], [3.0, 4.0]])
      >>> norms = selectax.InputGradientNorms(norms, norms**2)
      >>> moments = selectax.update_norm_moments(selectax.init_norm_moments(units=2), norms)
      >>> float(selectax.merge_norm_moments(moments, moments).count)
      4.0
    """
    check_alike(NormMoments, a, b, "(units,)", lambda state: state.mean.shape)
    larger = jnp.maximum(_finite_scale(a), _finite_scale(b))
    larger = jnp.broadcast_to(larger, a.mean.shape)
    a, b = _in_scale(a, larger), _in_scale(b, larger)
    count = a.count + b.count
    divisor = _at_least_one(count)
    difference = b.mean - a.mean
    between = jnp.square(difference) * (a.count * b.count / divisor)
    return NormMoments(
        count,
        a.mean + difference * (b.count / divisor),
        a.scatter + b.scatter + between,
        a.noise + b.noise,
        a.scale,
    )


def merge_norm_moments_over_devices(moments: NormMoments, axis_name: str) -> NormMoments:
    """Moments of the samples of all devices along a mapped axis.

    Args:
      moments: moments of the samples on each device.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      Moments of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> def mean_of_all(norms):
      ...     norms = selectax.InputGradientNorms(norms, norms**2)
      ...     moments = selectax.update_norm_moments(selectax.init_norm_moments(units=1), norms)
      ...     return selectax.merge_norm_moments_over_devices(moments, "devices").mean
      ...
      >>> norms = jnp.array([[[1.0]], [[3.0]]])  # of two devices
      >>> jax.vmap(mean_of_all, axis_name="devices")(norms).tolist()
      [[2.0], [2.0]]
    """
    scale = jnp.broadcast_to(_finite_scale(moments), moments.mean.shape)
    larger = jax.lax.pmax(jnp.nan_to_num(scale), axis_name)
    # A sum over devices propagates NaN on every backend; a maximum may not.
    larger = jnp.where(jnp.isnan(jax.lax.psum(scale, axis_name)), jnp.nan, larger)
    moments = _in_scale(moments, larger)
    count = jax.lax.psum(moments.count, axis_name)
    mean = jax.lax.psum(moments.mean * (moments.count / _at_least_one(count)), axis_name)
    between = jnp.square(moments.mean - mean) * moments.count
    scatter, noise = jax.lax.psum((moments.scatter + between, moments.noise), axis_name)
    return NormMoments(count, mean, scatter, noise, larger)


def variation_over_samples(moments: NormMoments) -> Float[Array, "units"]:
    """Coefficient of variation over samples of each unit's gradient norm.

    This is the standard deviation (from the unbiased variance) divided by the mean. The variance
    that is due to estimating the norms is subtracted first.

    Args:
      moments: moments of a layer's gradient norms.

    Returns:
      Not negative. 0 for a unit without a gradient, for a unit whose norm varies no more than its
      estimates, and for fewer than two samples; NaN for a unit with a norm that is not finite.

    References:
      Leavitt & Morcos, 2020, arXiv 2010.07693.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> norms = jnp.array([[1.0, 4.0], [3.0, 4.0]])
      >>> norms = selectax.InputGradientNorms(norms, norms**2)
      >>> moments = selectax.update_norm_moments(selectax.init_norm_moments(units=2), norms)
      >>> selectax.variation_over_samples(moments).round(3)
      Array([0.707, 0.   ], dtype=float32)
    """
    variance = moments.scatter / _at_least_one(moments.count - 1)
    variance = variance - moments.noise / _at_least_one(moments.count)
    variance = jnp.where(jnp.isfinite(moments.scale), variance, jnp.nan)
    enough = (moments.count >= 2) | ~jnp.isfinite(variance)
    return _coefficient(jnp.where(enough, variance, 0), moments.mean)


def variation_over_units(moments: NormMoments) -> Float[Array, ""]:
    """Coefficient of variation over the units of a layer of each unit's mean gradient norm.

    Units without a gradient are included, with norm 0. The variance is that of the whole layer, so
    it is divided by the number of units, not by units − 1. The variance of the estimated means is
    subtracted as if the estimates of different units were independent. They are not, because all
    units share the random directions, so the result is slightly too small: by at most the amount
    subtracted, about 1 / (2 K samples) of the squared mean for K directions.

    Args:
      moments: moments of a layer's gradient norms.

    Returns:
      Not negative. 0 for a layer without gradients, and if all units have the same mean norm; NaN
      if a norm is not finite.

    References:
      Leavitt & Morcos, 2020, arXiv 2010.07693.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> norms = jnp.array([[1.0, 4.0], [3.0, 4.0]])
      >>> norms = selectax.InputGradientNorms(norms, norms**2)
      >>> moments = selectax.update_norm_moments(selectax.init_norm_moments(units=2), norms)
      >>> round(float(selectax.variation_over_units(moments)), 3)
      0.333
    """
    units = moments.mean.shape[0]
    scale = jnp.broadcast_to(_finite_scale(moments), moments.mean.shape)
    common = jnp.max(scale, initial=0)
    mean, noise = (
        scaled.rescaled(moments.mean, scale, common),
        scaled.rescaled_square(moments.noise, scale, common),
    )
    noise = noise / jnp.square(_at_least_one(moments.count))
    variance = jnp.var(mean) - jnp.mean(noise) * (units - 1) / units
    return _coefficient(variance, jnp.mean(mean))


def _at_least_one(count):
    """The count as a divisor; NaN if not finite, because division by infinity would give 0."""
    return jnp.where(jnp.isfinite(count), jnp.maximum(count, 1), jnp.nan)


def _finite_scale(moments: NormMoments):
    scale = jnp.asarray(moments.scale, jnp.float32)
    return jnp.where(jnp.isfinite(scale), scale, jnp.nan)


def _coefficient(variance, mean):
    finite = jnp.isfinite(variance) & jnp.isfinite(mean)
    varies = (variance > 0) & (mean > 0)
    coefficient = jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1)), 0) / jnp.where(
        varies, mean, 1
    )
    return jnp.where(finite, coefficient, jnp.nan)


def _in_scale(moments: NormMoments, larger: Float[Array, "units"]) -> NormMoments:
    """The moments in units of a scale that is no smaller than their own."""
    scale = jnp.broadcast_to(_finite_scale(moments), moments.mean.shape)
    return NormMoments(
        moments.count,
        scaled.rescaled(moments.mean, scale, larger),
        scaled.rescaled_square(moments.scatter, scale, larger),
        scaled.rescaled_square(moments.noise, scale, larger),
        larger,
    )


def _defined(responses, images):
    """Where responses and their images are finite."""
    finite = jnp.all(jnp.isfinite(images), axis=tuple(range(1, images.ndim)))[:, None]
    return finite & jnp.isfinite(responses)


def _flat(gradient):
    return gradient.reshape(gradient.shape[0], -1).astype(jnp.float32)


def _layers(responses_fn, images):
    """Structure of the responses and number of units of each layer, without computing them."""
    leaves, structure = jax.tree.flatten(jax.eval_shape(responses_fn, images))
    if not leaves:
        raise ValueError("responses_fn must return at least one array of responses.")
    for leaf in leaves:
        if leaf.ndim != 2 or leaf.shape[0] != images.shape[0]:
            raise ValueError(
                f"responses_fn must return arrays of shape ({images.shape[0]}, units), not "
                f"{leaf.shape}; take spatial means of activations first."
            )
    return structure, [leaf.shape[1] for leaf in leaves]


def _images(images) -> Float[Array, "samples ..."]:
    images = jnp.asarray(float_images(images))
    if not images.size:
        raise ValueError(f"images of shape {images.shape} are empty; give at least one image.")
    return images
