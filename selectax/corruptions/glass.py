"""Glass blur: pixels are replaced by near ones, between two Gaussian blurs."""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.eight_bits import truncated
from selectax.corruptions.operations.gaussian import gaussian_matrices, smooth

# A longer chain of copies, of 32 pixels, has a probability of about 1e-12.
_DOUBLINGS = 5


def _sources(key, shape, shift):
    """The pixel whose value each pixel takes, by flat index, in one round.

    Pixels are visited from the last to the first, and take the value that a near one has then: for
    a pixel visited before that is what this one took in its turn.
    """
    height, width = shape
    reach = shift.astype(jnp.int32)
    row, column = jnp.indices(shape, jnp.int32)
    # Sixteen bits for either direction.
    bits = jax.random.bits(key, shape, jnp.uint32)
    down, right = (
        ((half * (2 * shift)) >> 16).astype(jnp.int32) - reach
        for half in (bits >> 16, bits & 0xFFFF)
    )
    visited = (row > reach) & (row <= height - reach) & (column > reach) & (column <= width - reach)
    own = (row * width + column).ravel()
    source = own + jnp.where(visited, down * width + right, 0).ravel()

    def resolve(source):
        took_what = jnp.where(source > own, source, own)
        for _ in range(_DOUBLINGS):
            took_what = took_what[took_what]
        return source[took_what]

    # Within a shift of 1 there is no step to a pixel visited before.
    return jax.lax.cond(shift > 1, resolve, lambda source: source, source)


def _glass_blur(key, image, constants):
    matrices, shift, in_use = constants
    height, width, channels = image.shape
    image = truncated(smooth(matrices, image)) / 255
    source = own = jnp.arange(height * width, dtype=jnp.int32)
    for turn in range(len(in_use)):
        of_turn = _sources(jax.random.fold_in(key, turn), (height, width), shift)
        source = source[jnp.where(in_use[turn], of_turn, own)]
    return smooth(matrices, image.reshape(-1, channels)[source].reshape(image.shape))


def _constants(severities, image_shape):
    sigmas, shifts, rounds = zip(*severities, strict=True)
    in_use = np.arange(max(rounds)) < np.asarray(rounds)[:, None]
    return gaussian_matrices(sigmas, image_shape), np.asarray(shifts, np.uint32), in_use


GLASS_BLUR = Corruption(
    name="glass_blur",
    apply=_glass_blur,
    constants=_constants,
    # deviation of the blur, greatest shift, rounds
    severities={
        "cifar10": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        "tiny_imagenet": ((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
        "imagenet": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    },
    source=BENCHMARK_SOURCE,
    is_random=True,
    keeps_flat_images=True,
    is_extra=False,
)
