"""The order in which an epoch takes the training images, resident or streamed."""

import jax
from jaxtyping import Array, Int, PRNGKeyArray


def epoch_order(
    seed: int | Int[Array, ""], epoch: int | Int[Array, ""], samples: int, batch_size: int
) -> tuple[Int[Array, "steps batch"], PRNGKeyArray]:
    """Which images make up each batch of an epoch, and a key for the augmentation of each.

    It depends on the seed and the epoch alone, so that a run goes on after a restart as if there
    had been none.

    Args:
      seed: of the network; may be traced.
      epoch: counted from 0; may be traced.
      samples: of the training set.
      batch_size: the last, smaller batch is dropped.

    Returns:
      Indices, and as many keys as batches.
    """
    steps = samples // batch_size
    key = jax.random.fold_in(jax.random.key(seed), epoch + 1)
    order_key, augment_key = jax.random.split(key)
    order = jax.random.permutation(order_key, samples)[: steps * batch_size]
    return order.reshape(steps, batch_size), jax.random.split(augment_key, steps)
