"""Where an image breaks on a sorted grid of epsilons: what is known, and what to attack next."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Bracket(NamedTuple):
    """What attacks have shown of each image; a place is the number of epsilons it withstands.

    Attributes:
      low: the least place that is possible, if an attack that failed would fail within less.
      high: the greatest possible place: the attack with epsilon number `high` succeeded.
      tried: attacks with epsilon number low − 1 that failed.
      guess: an upper bound of the place, close to it, by which images are alike.
    """

    low: Int[Array, "images"]
    high: Int[Array, "images"]
    tried: Int[Array, "images"]
    guess: Int[Array, "images"]


def narrow(
    bracket: Bracket,
    attacked: Int[Array, "images"],
    broken: Bool[Array, "images"],
    withstood: Bool[Array, "images"],
) -> Bracket:
    """The bracket after attacks with the epsilons of these numbers broke or did not break images.

    A success below `low` shows that the attack which failed there was too weak.
    """
    high = jnp.where(broken, attacked, bracket.high)
    low = jnp.where(withstood, attacked + 1, jnp.minimum(bracket.low, high))
    again = withstood & (low == bracket.low)
    tried = jnp.where(again, bracket.tried + 1, jnp.where(low == bracket.low, bracket.tried, 0))
    return bracket._replace(low=low, high=high, tried=jnp.where(withstood & ~again, 1, tried))


def is_closed(bracket: Bracket, floor: Int[Array, ""], attempts: int) -> Bool[Array, "images"]:
    """Whether the place is known, and no attempt of several at the epsilon below it is left.

    Args:
      bracket: of each image.
      floor: number of epsilons that cannot break an image, being 0.
      attempts: how often an attack has to fail.
    """
    tried = (bracket.low <= floor) | (bracket.tried >= attempts)
    return (bracket.low == bracket.high) & tried


def next_attacked(bracket: Bracket, tally: Float[Array, "distances"]) -> Int[Array, "images"]:
    """Number of the epsilon to attack with: it splits what is possible into unequal parts.

    An attack that breaks its image ends after a few steps, one that fails needs all, so that the
    cheapest epsilon is one that breaks two images of three.

    Args:
      bracket: of each image.
      tally: how many images are found at each distance below their guess.
    """
    places = jnp.arange(len(tally))
    low, high, guess = (x[:, None] for x in (bracket.low, bracket.high, bracket.guess))
    chances = tally[jnp.clip(guess - places, 0, len(tally) - 1)]
    chances = jnp.where((places >= low) & (places <= high), chances, 0)
    broken = jnp.cumsum(chances, axis=1) / jnp.sum(chances, axis=1, keepdims=True)
    open_places = (places >= low) & (places < high)
    split = jnp.argmin(jnp.where(open_places, jnp.abs(broken - 2 / 3), jnp.inf), axis=1)
    return jnp.where(bracket.low < bracket.high, split.astype(jnp.int32), bracket.low - 1)
