"""Augmentations by crops and mirroring, for use in compiled programs.

That training uses them is our choice; we could not read the papers' methods sections.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

# Of a fixed type, so that the draws are the same whatever JAX_ENABLE_X64 says.
_HALF = np.float32(0.5)


def augment(
    key: PRNGKeyArray,
    images: Shaped[Array, "samples height width channels"],
    *,
    padding: int = 4,
    horizontal_flip: bool = True,
    part: tuple[int | Int[Array, ""], int] = (0, 1),
) -> Shaped[Array, "samples height width channels"]:
    """Pads images with zeros, crops them randomly to the original size, and flips half of them.

    Args:
      key: PRNG key; every image gets independent random numbers.
      images: images of any dtype.
      padding: number of pixels added on each side.
      horizontal_flip: whether to flip each image left to right with probability 1/2.
      part: (index, number of parts) if devices share a batch and `images` is one part of it. The
        result is the same as if one device had the whole batch.
    """
    samples, height, width, _ = images.shape
    around = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    crop_key, flip_key = jax.random.split(key)
    whole = samples * part[1]
    corners = _own(jax.random.randint(crop_key, (whole, 2), 0, 2 * padding + 1, jnp.int32), part)
    rows = corners[:, :1] + jnp.arange(height)
    columns = corners[:, 1:] + jnp.arange(width)
    if horizontal_flip:
        flip = _own(jax.random.bernoulli(flip_key, _HALF, (whole, 1)), part)
        columns = jnp.where(flip, columns[:, ::-1], columns)
    sample = jnp.arange(samples)[:, None, None]
    return jnp.pad(images, around)[sample, rows[:, :, None], columns[:, None, :]]


def random_resized_crop(
    key: PRNGKeyArray,
    images: Shaped[Array, "samples height width channels"],
    *,
    area: tuple[float, float] = (0.25, 1.0),
    aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3),
    horizontal_flip: bool = True,
    part: tuple[int | Int[Array, ""], int] = (0, 1),
) -> Shaped[Array, "samples height width channels"]:
    """Resizes a random rectangle of each image to the original size, and flips half of the images.

    Args:
      key: PRNG key; every image gets independent random numbers.
      images: images as uint8 or floats.
      area: smallest and largest area of the rectangle as a fraction of the image; drawn uniformly.
        The usual minimum for 224 × 224 pixels is 0.08, but it would leave only 18 × 18 pixels of an
        image of 64 × 64.
      aspect_ratio: smallest and largest ratio of width to height, relative to the image's own
        ratio; its logarithm is drawn uniformly. Sides longer than the image are clipped.
      horizontal_flip: whether to flip each image left to right with probability 1/2.
      part: same as for `augment`.

    References:
      Szegedy et al., 2015, "Going deeper with convolutions", section 6.
    """

    def crop(key, image):
        area_key, ratio_key, corner_key, flip_key = jax.random.split(key, 4)
        share = jax.random.uniform(area_key, (), jnp.float32, *area)
        log_ratios = jnp.log(jnp.array(aspect_ratio, jnp.float32))
        log_ratio = jax.random.uniform(ratio_key, (), jnp.float32, *log_ratios)
        stretch = jnp.exp(jnp.array([-0.5, 0.5], jnp.float32) * log_ratio)
        shares = jnp.minimum(jnp.sqrt(share) * stretch, 1)
        corner = jax.random.uniform(corner_key, (2,), jnp.float32) * (1 - shares)
        cropped = resized_crop(image, corner, shares)
        flip = horizontal_flip & jax.random.bernoulli(flip_key, _HALF)
        return jnp.where(flip, cropped[:, ::-1], cropped)

    return jax.vmap(crop)(_own(jax.random.split(key, len(images) * part[1]), part), images)


def _own(draws, part):
    """Returns one part's share of the random numbers that were drawn for the whole batch."""
    at, parts = part
    return jax.lax.dynamic_slice_in_dim(draws, at * (len(draws) // parts), len(draws) // parts)


def resized_crop(
    image: Shaped[Array, "height width channels"],
    corner: Float[Array, "2"],
    shares: Float[Array, "2"],
) -> Shaped[Array, "height width channels"]:
    """Resizes a rectangle of an image to the image's size.

    Interpolation is bilinear, with antialiasing if the rectangle is shrunk.

    Args:
      image: image of any dtype; results of integer dtypes are rounded.
      corner: top and left edge, as fractions of the image's height and width.
      shares: height and width of the rectangle, as fractions of the image's.
    """
    size = jnp.array(image.shape[:2], jnp.float32)
    stretched = jax.image.scale_and_translate(
        image.astype(jnp.float32),
        image.shape,
        (0, 1),
        scale=1 / shares,
        translation=-corner * size / shares,
        method="bilinear",
    )
    if jnp.issubdtype(image.dtype, jnp.integer):
        stretched = jnp.round(stretched)
    return stretched.astype(image.dtype)
