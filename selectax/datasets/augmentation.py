"""The papers' augmentation, inside the compiled program."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, Shaped


def augment(
    key: PRNGKeyArray,
    images: Shaped[Array, "samples height width channels"],
    *,
    padding: int = 4,
    horizontal_flip: bool = True,
) -> Shaped[Array, "samples height width channels"]:
    """Pads with zeros, crops at random to the original size, and mirrors every second image.

    Args:
      key: each image has its own randomness from it.
      images: of any dtype.
      padding: pixels on each side.
      horizontal_flip: whether to mirror, each image with probability 1/2.
    """
    samples, height, width, _ = images.shape
    around = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    crop_key, flip_key = jax.random.split(key)
    corners = jax.random.randint(crop_key, (samples, 2), 0, 2 * padding + 1)
    rows = corners[:, :1] + jnp.arange(height)
    columns = corners[:, 1:] + jnp.arange(width)
    if horizontal_flip:
        flip = jax.random.bernoulli(flip_key, shape=(samples, 1))
        columns = jnp.where(flip, columns[:, ::-1], columns)
    samples = jnp.arange(samples)[:, None, None]
    return jnp.pad(images, around)[samples, rows[:, :, None], columns[:, None, :]]
