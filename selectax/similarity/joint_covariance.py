"""Covariances within and between the responses of two layers, accumulated in one pass."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

from selectax.arguments.activations import checked_responses
from selectax.arguments.numbers import checked_count
from selectax.arguments.samples import checked_where
from selectax.arguments.states import check_alike, check_state
from selectax.dimensionality import (
    Covariance,
    init_covariance,
    merge_covariance,
    merge_covariance_over_devices,
    update_covariance,
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class JointCovariance:
    """Covariance of the units of two layers, accumulated in one pass over responses to both.

    Attributes:
      joint: covariance of the units of the first layer, followed by those of the second.
      units: number of units of the first layer.

    Example:
      >>> import selectax
      >>> state = selectax.init_joint_covariance(units_a=2, units_b=3)
      >>> state.units, state.joint.scatter.shape
      (2, (5, 5))
    """

    joint: Covariance
    units: int = dataclasses.field(metadata={"static": True})


def init_joint_covariance(
    units_a: int, units_b: int, *, dtype: DTypeLike = jnp.float32
) -> JointCovariance:
    """Initial state, of no samples.

    Args:
      units_a: number of units of the first layer.
      units_b: number of units of the second layer.
      dtype: dtype of the state, independent of the responses' dtype; float64 needs
        `jax_enable_x64`.

    Returns:
      A state of zeros.

    Raises:
      TypeError: units_a or units_b is not an integer, or dtype is neither float32 nor float64.
      ValueError: units_a or units_b is below 1.

    Example:
      >>> import selectax
      >>> selectax.init_joint_covariance(units_a=2, units_b=3).joint.mean.shape
      (5,)
    """
    units_a, units_b = checked_count("units_a", units_a), checked_count("units_b", units_b)
    return JointCovariance(init_covariance(units_a + units_b, dtype=dtype), units_a)


def update_joint_covariance(
    state: JointCovariance,
    a: Float[Array, "samples units_a"],
    b: Float[Array, "samples units_b"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> JointCovariance:
    """Adds a batch of responses of both layers to the state.

    Args:
      state: the state so far.
      a: responses of the first layer.
      b: responses of the second layer to the same samples, in the same order.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      The state of all samples so far, in the dtype of the given state. If a response is NaN or
      infinite, everything about its unit becomes NaN.

    Raises:
      TypeError: state is not JointCovariance, or responses are not floating-point numbers.
      ValueError: shapes do not match.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> a, b = jnp.array([[0.0], [2.0]]), jnp.array([[1.0], [5.0]])
      >>> state = selectax.update_joint_covariance(selectax.init_joint_covariance(1, 1), a, b)
      >>> selectax.sample_covariance(state.joint).tolist()
      [[2.0, 4.0], [4.0, 8.0]]
    """
    check_state("state", JointCovariance, state)
    units_b = state.joint.mean.shape[0] - state.units
    a, b = checked_responses(a, state.units), checked_responses(b, units_b)
    if len(a) != len(b):
        raise ValueError(
            f"a and b must have the same samples, but a has {len(a)} and b has {len(b)}; give the "
            "responses of both layers to the same images."
        )
    both = jnp.concatenate([a, b], axis=1)
    return JointCovariance(update_covariance(state.joint, both, where=where), state.units)


def merge_joint_covariance(a: JointCovariance, b: JointCovariance) -> JointCovariance:
    """The state of the samples of both; associative and commutative up to rounding.

    Args:
      a: the state of some samples.
      b: the state of other samples, of layers with the same numbers of units.

    Returns:
      A state of the sum of their counts.

    Raises:
      TypeError: a or b is no such state.
      ValueError: the numbers of units differ.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> state = selectax.init_joint_covariance(1, 1)
      >>> state = selectax.update_joint_covariance(state, jnp.ones((3, 1)), jnp.ones((3, 1)))
      >>> float(selectax.merge_joint_covariance(state, state).joint.count)
      6.0
    """
    check_alike(JointCovariance, a, b, "units of the first layer", lambda state: state.units)
    return JointCovariance(merge_covariance(a.joint, b.joint), a.units)


def merge_joint_covariance_over_devices(state: JointCovariance, axis_name: str) -> JointCovariance:
    """The state of the samples of all devices along a mapped axis.

    Args:
      state: the state of the samples on each device.
      axis_name: name of the mapped axis, of `jax.shard_map`, `jax.pmap` or `jax.vmap`.

    Returns:
      The state of all samples, the same on each device.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> def samples_of_all(a, b):
      ...     state = selectax.init_joint_covariance(1, 1)
      ...     state = selectax.update_joint_covariance(state, a, b)
      ...     return selectax.merge_joint_covariance_over_devices(state, "devices").joint.count
      ...
      >>> responses = jnp.ones((2, 3, 1))  # three samples on each of two devices
      >>> jax.vmap(samples_of_all, axis_name="devices")(responses, responses).tolist()
      [6.0, 6.0]
    """
    return JointCovariance(merge_covariance_over_devices(state.joint, axis_name), state.units)


def state_of(a, b, where) -> JointCovariance:
    """The state itself, or that of two matrices of responses, in float32 or wider.

    Raises:
      TypeError: there is no second matrix, or responses are not floating-point numbers.
      ValueError: shapes do not match, or b or where is given together with a state.
    """
    if isinstance(a, JointCovariance):
        if b is not None or where is not None:
            raise ValueError(
                "b and where apply to matrices of responses, not to a state; give them to "
                "update_joint_covariance."
            )
        return a
    if b is None:
        raise TypeError("b is missing; give the responses of the second layer to the same samples.")
    a, b = checked_responses(a), checked_responses(b)
    where = checked_where(where, len(a))
    return _of_matrices(a, b, where)


@jax.jit
def _of_matrices(a, b, where):
    dtype = jnp.promote_types(jnp.promote_types(a.dtype, b.dtype), jnp.float32)
    empty = init_joint_covariance(a.shape[1], b.shape[1], dtype=dtype)
    return update_joint_covariance(empty, a, b, where=where)


def scaled_blocks(state: JointCovariance):
    """Scatter within the first layer, within the second, and between them, with scales removed.

    Each unit is divided by its standard deviation, so that squares neither underflow nor overflow
    and units of small variance count as exactly as others.

    Returns:
      The three blocks, whose diagonals are 1 (or 0 for a constant unit); and the standard
      deviations of both layers' units, each relative to the layer's largest.
    """
    variances = jnp.diagonal(state.joint.scatter)
    deviations = jnp.sqrt(variances)
    divisor = jnp.where(variances == 0, 1, deviations)
    correlation = state.joint.scatter / divisor[:, None] / divisor
    relative = [
        layer / jnp.where(jnp.max(layer) == 0, 1, jnp.max(layer))
        for layer in (deviations[: state.units], deviations[state.units :])
    ]
    first, second = slice(None, state.units), slice(state.units, None)
    blocks = correlation[first, first], correlation[second, second], correlation[first, second]
    return blocks, relative
