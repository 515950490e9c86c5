"""Applies to each image of a batch an operation of its own, without computing the others."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt8

from selectax.augmix.operations import AugMixOperation


def apply_operations(
    images: UInt8[Array, "samples height width 3"],
    which: Int[Array, "samples"],
    amounts: Float[Array, "samples"],
    active: Bool[Array, "samples"],
    operations: Sequence[AugMixOperation],
) -> UInt8[Array, "samples height width 3"]:
    """Applies an operation to each image.

    Args:
      images: bytes.
      which: index of each image's operation.
      amounts: amount of each image's operation, with its sign.
      active: whether to change the image.
      operations: the operations to choose from.
    """
    _, height, width, _ = images.shape
    size = height, width
    identity = jnp.zeros((2, 3), jnp.float32)
    displaced = jnp.array([operation.displacement is not None for operation in operations])[which]

    def displacement(which, amount):
        choices = [
            identity if operation.displacement is None else operation.displacement(amount, size)
            for operation in operations
        ]
        return jnp.stack(choices)[which]

    def table(which, amount, histogram):
        choices = [
            jnp.arange(256, dtype=jnp.int32)
            if operation.table is None
            else operation.table(amount, histogram)
            for operation in operations
        ]
        return jnp.stack(choices)[which].astype(jnp.uint8)

    def one(image, which, amount, displaced, active):
        moved = warped(image, displacement(which, amount))
        counts = jax.vmap(histogram)(jnp.moveaxis(image, -1, 0))
        tables = jax.vmap(table, (None, None, 0))(which, amount, counts)
        channels = [tables[channel][image[..., channel]] for channel in range(3)]
        changed = jnp.where(displaced, moved, jnp.stack(channels, -1))
        return jnp.where(active, changed, image)

    return jax.vmap(one)(images, which, amounts, displaced, active)


def histogram(channel: UInt8[Array, "height width"]) -> Int[Array, "256"]:
    """Number of pixels with each value."""
    return jnp.zeros(256, jnp.int32).at[channel.reshape(-1).astype(jnp.int32)].add(1)


def warped(
    image: UInt8[Array, "height width 3"], coefficients: Float[Array, "2 3"]
) -> UInt8[Array, "height width 3"]:
    """Moves pixels as Pillow does: bilinear, truncated to bytes, and black outside the image.

    Args:
      image: bytes.
      coefficients: see `AugMixOperation.displacement`.
    """
    height, width, _ = image.shape
    columns, rows = (jnp.arange(size, dtype=jnp.int32) for size in (width, height))
    x, y = jnp.meshgrid(columns.astype(jnp.float32) + 0.5, rows.astype(jnp.float32) + 0.5)
    moved = [row[0] * x + row[1] * y + row[2] for row in coefficients]
    (left, right_share), (top, bottom_share) = (
        (jnp.floor(shift).astype(jnp.int32), shift - jnp.floor(shift)) for shift in moved
    )
    inside = (x + moved[0] >= 0) & (x + moved[0] < width)
    inside &= (y + moved[1] >= 0) & (y + moved[1] < height)
    left, top = left + columns, top + rows[:, None]

    def at(row, column):
        row, column = jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)
        return image[row, column].astype(jnp.float32)

    def between(one, other, share):
        return one + (other - one) * share[..., None]

    upper = between(at(top, left), at(top, left + 1), right_share)
    lower = between(at(top + 1, left), at(top + 1, left + 1), right_share)
    # Pillow takes the first line for both if the second one is outside the image.
    lower = jnp.where(((top >= -1) & (top < height - 1))[..., None], lower, upper)
    value = between(upper, lower, bottom_share)
    return jnp.where(inside[..., None], value, 0).astype(jnp.uint8)
