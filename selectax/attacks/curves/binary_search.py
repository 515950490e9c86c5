"""Binary search for the smallest epsilon, on a sorted grid, that breaks an image."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Interval(NamedTuple):
    """What attacks have shown of the number of epsilons that each image withstands.

    Attributes:
      low: smallest possible number, assuming that smaller epsilons fail where an epsilon failed.
      high: largest possible number; the attack with the epsilon of this index succeeded.
      tried: number of failed attacks with the epsilon of index low − 1.
      guess: an upper bound close to the number. Images are alike in their distance from it.
    """

    low: Int[Array, "images"]
    high: Int[Array, "images"]
    tried: Int[Array, "images"]
    guess: Int[Array, "images"]


def narrow(
    interval: Interval,
    attacked: Int[Array, "images"],
    broken: Bool[Array, "images"],
    withstood: Bool[Array, "images"],
) -> Interval:
    """Narrows the interval after attacks that succeeded or failed.

    A success below `low` shows that the attack which failed there was too weak. A success at index
    −1, of an image that rounding misclassifies without any attack, counts as one at index 0.

    Args:
      interval: interval of each image.
      attacked: index of the epsilon of the attack.
      broken: whether the attack succeeded.
      withstood: whether the attack failed.
    """
    high = jnp.where(broken, jnp.maximum(attacked, 0), interval.high)
    low = jnp.where(withstood, attacked + 1, jnp.minimum(interval.low, high))
    again = withstood & (low == interval.low)
    tried = jnp.where(again, interval.tried + 1, jnp.where(low == interval.low, interval.tried, 0))
    return interval._replace(low=low, high=high, tried=jnp.where(withstood & ~again, 1, tried))


def is_closed(
    interval: Interval, zeros: Int[Array, ""], attempts: int | Int[Array, ""]
) -> Bool[Array, "images"]:
    """Whether the number is known, after enough failed attacks with the largest epsilon below.

    Args:
      interval: interval of each image.
      zeros: number of epsilons that are 0, with which no attack is needed.
      attempts: number of attacks that must fail.
    """
    tried = (interval.low <= zeros) | (interval.tried >= attempts)
    return (interval.low == interval.high) & tried


def next_attacked(interval: Interval, tally: Float[Array, "distances"]) -> Int[Array, "images"]:
    """Index of the epsilon to attack with next.

    An attack that succeeds ends after a few steps, and one that fails takes all its steps. The
    cheapest epsilon is therefore one that breaks about two of three images.

    Args:
      interval: interval of each image.
      tally: number of images found at each distance below their guess.
    """
    places = jnp.arange(len(tally))
    low, high, guess = (x[:, None] for x in (interval.low, interval.high, interval.guess))
    chances = tally[jnp.clip(guess - places, 0, len(tally) - 1)]
    chances = jnp.where((places >= low) & (places <= high), chances, 0)
    broken = jnp.cumsum(chances, axis=1) / jnp.sum(chances, axis=1, keepdims=True)
    open_places = (places >= low) & (places < high)
    split = jnp.argmin(jnp.where(open_places, jnp.abs(broken - 2 / 3), jnp.inf), axis=1)
    return jnp.where(interval.low < interval.high, split.astype(jnp.int32), interval.low - 1)
