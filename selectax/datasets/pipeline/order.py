"""The order of the training images in an epoch. Resident and streamed training share it."""

import jax
from jaxtyping import Array, Int, PRNGKeyArray


def epoch_order(
    seed: int | Int[Array, ""], epoch: int | Int[Array, ""], samples: int, batch_size: int
) -> tuple[Int[Array, "steps batch"], PRNGKeyArray]:
    """Returns the image indices of each batch of an epoch, and a key for each batch's augmentation.

    Both depend only on the seed and the epoch, so that a restarted run gives the same result as an
    uninterrupted one.

    Args:
      seed: seed of the network; may be traced.
      epoch: number of the epoch, counted from 0; may be traced.
      samples: number of training images.
      batch_size: number of images in a batch. The remaining images of an epoch are dropped.

    Returns:
      The indices, and one key for each batch.
    """
    steps = samples // batch_size
    key = jax.random.fold_in(jax.random.key(seed), epoch + 1)
    order_key, augment_key = jax.random.split(key)
    order = jax.random.permutation(order_key, samples)[: steps * batch_size]
    return order.reshape(steps, batch_size), jax.random.split(augment_key, steps)
