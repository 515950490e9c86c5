"""Attacks one batch of images, in one compiled program for each attack."""

from collections.abc import Mapping
from typing import Any, Literal

from jaxtyping import Array, Float, Int, UInt8, UInt32

from selectax.attacks import Attack, run_attack
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.study.measures.computation.one_batch import Apply
from selectax.study.measures.computation.over_networks import key_of_batch, over_networks


@over_networks(each=("key", "variables"), static=("apply", "attack", "norm", "restarts"))
def attack_batch(
    key: UInt32[Array, "..."],
    number: Int[Array, ""],
    variables: Mapping[str, Any],
    images: UInt8[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    epsilon: Float[Array, ""],
    steps: Int[Array, ""],
    *,
    apply: Apply,
    attack: Attack,
    norm: Literal["linf", "l2"],
    restarts: int,
) -> Float[Array, "samples height width channels"]:
    """Attacks one batch of images; a program of several networks, see `over_networks`.

    Args:
      key: data of the PRNG key for random starts.
      number: number of the batch. All epsilons use the same random draws for a batch.
      variables: variables of the network.
      images: clean images.
      labels: their classes.
      epsilon: radius of the ball; traced.
      steps: number of steps; traced.
      apply: function of the network, see `selectax.models.Network`.
      attack: an entry of `selectax.attacks.ATTACKS` or your own.
      norm: norm of the ball.
      restarts: number of random starts, of attacks that start at random.

    Returns:
      Attacked images in [0, 1].
    """

    def logits_fn(images):
        return apply(variables, images)[0]

    ball: dict[str, Any] = {"epsilon": epsilon, "norm": norm, "steps": steps}
    if attack.starts_at_random(True):
        ball["restarts"] = restarts
    of_batch = key_of_batch(key, number)
    return run_attack(of_batch, attack, logits_fn, to_unit_range(images), labels, **ball)
