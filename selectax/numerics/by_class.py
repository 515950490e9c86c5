"""Sums, means and selectivity of responses by class, of arguments that were checked."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from selectax.numerics.compiled import one_program


@functools.partial(one_program, static=("num_classes",))
def sums(
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    num_classes: int,
    counts: Bool[Array, "samples"],
) -> tuple[Float[Array, "classes"], Float[Array, "classes units"]]:
    """Number of samples of each class, and each unit's sum over them, of the samples that count."""
    member = (labels[:, None] == jnp.arange(num_classes, dtype=jnp.int32)) & counts[:, None]
    member = member.astype(responses.dtype)
    responses = jnp.where(counts[:, None], responses, 0)
    # Without HIGHEST, TPUs and GPUs round the responses to bfloat16 or TF32.
    total = jnp.einsum("sc,su->cu", member, responses, precision=jax.lax.Precision.HIGHEST)
    return jnp.sum(member, axis=0), total


@one_program
def means(
    count: Float[Array, "classes"], total: Float[Array, "classes units"]
) -> tuple[Float[Array, "classes units"], Bool[Array, "classes"]]:
    """Mean response to each class (0 for absent classes), and which classes are present."""
    # A count of NaN or infinity makes the means NaN: it is neither absent nor a divisor.
    present = ~(count <= 0)
    divisor = jnp.where(jnp.isfinite(count), count, jnp.nan)
    return total / jnp.where(present, divisor, 1)[:, None], present


@one_program
def selectivity_index(
    means: Float[Array, "classes units"],
    present: Bool[Array, "classes"],
    eps: Float[Array, ""] | float,
) -> Float[Array, "units"]:
    """The class selectivity index; see `selectax.class_selectivity_index`."""
    present = present.astype(bool)[:, None]
    best = jnp.argmax(jnp.where(present, means, -jnp.inf), axis=0)
    is_best = jnp.arange(means.shape[0])[:, None] == best
    highest = jnp.sum(jnp.where(is_best & present, means, 0), axis=0)
    # Sums the other means: subtracting the largest from the total would cancel.
    others = jnp.sum(jnp.where(~is_best & present, means, 0), axis=0)
    rest = others / jnp.maximum(jnp.sum(present) - 1, 1)
    # NaN compares false and infinite means compare equal; both must reach the division, as NaN.
    alike = (highest <= rest) & jnp.isfinite(rest)
    alone = (jnp.sum(present) < 2) & jnp.isfinite(highest)
    selective = ~(alike | alone)
    denominator = jnp.where(selective, highest + rest + eps, 1)  # double where: finite gradients
    return jnp.where(selective, (highest - rest) / denominator, 0)
