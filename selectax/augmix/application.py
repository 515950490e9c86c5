"""Applies to each image of a batch operations of its own, without computing the others.

A `switch` under `vmap` would compute every operation for every image. Instead, each step sorts the
images by the kind of their next operation, and each kind is computed only for the images that need
it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from selectax.augmix.operations import AUGMIX_OPERATIONS, Size
from selectax.augmix.pixels import Pixels, cumulative_histograms, recode, warp

# Number of images computed at a time on a CPU; other devices compute all that need it at once.
_AT_A_TIME_ON_CPU = 32

_OPERATIONS = tuple(AUGMIX_OPERATIONS.values())


def apply_operations(
    images: Pixels,
    which: Int[Array, "samples steps"],
    amounts: Float[Array, "samples steps"],
    lengths: Int[Array, "samples"],
    size: Size,
) -> Pixels:
    """Applies to each image its first operations, one after the other.

    Args:
      images: packed images.
      which: indices of each image's operations in AUGMIX_OPERATIONS.
      amounts: amounts of each image's operations, with their signs.
      lengths: number of operations to apply to each image.
      size: height and width of the images.
    """
    # Never true. Under `jax.shard_map`, loops require that images and order vary over the same axes
    # as the operations.
    never = jnp.isnan(amounts[:, 0]) & (which[:, 0] < 0) & (lengths < 0)
    images = jnp.where(never[:, None], 0, images)
    order = jnp.where(never, 0, jnp.arange(len(images), dtype=jnp.int32))
    kinds = (_by_displacement(size), _by_table, _by_adaptive_table)
    kind_of = jnp.array([_kind(operation) for operation in _OPERATIONS], jnp.int32)

    def step(position, state):
        images, order = state
        # Images whose chain has ended come last.
        kind = jnp.where(position < lengths, kind_of[which[:, position]], len(kinds))[order]
        moves = jnp.argsort(kind)
        images, order = images[moves], order[moves]
        operands = which[order, position], amounts[order, position]
        start = jnp.int32(0)
        for number, change in enumerate(kinds):
            end = start + jnp.sum(kind == number, dtype=jnp.int32)
            images = _in_parts(change, images, operands, start, end)
            start = end
        return images, order

    images, order = jax.lax.fori_loop(0, which.shape[1], step, (images, order))
    return images[jnp.argsort(order)]


def _kind(operation):
    if operation.displacement is not None:
        return 0
    return 1 if operation.table is not None else 2


def _in_parts(
    function: Callable[..., Pixels],
    images: Pixels,
    operands: tuple[Array, ...],
    start: Int[Array, ""],
    end: Int[Array, ""],
) -> Pixels:
    """Replaces images[start:end] by the function of them and the operands, some at a time."""
    samples = len(images)
    size = min(_AT_A_TIME_ON_CPU, samples) if jax.default_backend() == "cpu" else samples

    def replace(number, images):
        begin = start + number * size
        # A part that does not fit begins earlier, and its first images remain as they are.
        at = jnp.minimum(begin, samples - size)
        own, *others = (
            jax.lax.dynamic_slice_in_dim(values, at, size) for values in (images, *operands)
        )
        # The condition is always true. It keeps XLA from fusing the function with the slices, which
        # makes the function four times as slow on a CPU.
        changed = jax.lax.cond(begin < end, function, lambda own, *_: own, own, *others)
        positions = at + jnp.arange(size, dtype=jnp.int32)
        replaced = (positions >= begin) & (positions < end)
        changed = jnp.where(replaced[:, None], changed, own)
        return jax.lax.dynamic_update_slice_in_dim(images, changed, at, 0)

    return jax.lax.fori_loop(0, (end - start + size - 1) // size, replace, images)


def _by_displacement(size):
    functions = [operation.displacement for operation in _OPERATIONS]

    def change(images, which, amounts):
        coefficients = jax.vmap(lambda which, amount: _chosen(functions, which, amount, size))
        return warp(images, coefficients(which, amounts), size)

    return change


def _by_table(images, which, amounts):
    functions = [operation.table for operation in _OPERATIONS]
    tables = jax.vmap(lambda which, amount: _chosen(functions, which, amount))(which, amounts)
    return recode(images, jnp.repeat(tables[:, None], 3, axis=1))


def _by_adaptive_table(images, which, _):
    functions = [operation.adaptive_table for operation in _OPERATIONS]
    of_channel = jax.vmap(lambda which, counts: _chosen(functions, which, counts), (None, 0))
    return recode(images, jax.vmap(of_channel)(which, cumulative_histograms(images)))


def _chosen(functions, which, *arguments):
    """The result of one of the functions; None stands for operations of another kind."""
    results = [function(*arguments) for function in functions if function is not None]
    places = np.cumsum([function is not None for function in functions]) - 1
    return jnp.stack(results)[jnp.asarray(places, jnp.int32)[which]]
