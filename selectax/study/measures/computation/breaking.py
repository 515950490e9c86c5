"""Finds the smallest epsilon that breaks each image of a batch, in one compiled program."""

from collections.abc import Mapping
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, UInt32

from selectax.attacks import Attack, breaking_epsilons
from selectax.datasets.pipeline.batches import Batches, one_by_one, to_unit_range
from selectax.study.measures.computation.one_batch import Apply
from selectax.study.measures.computation.over_networks import key_of_batch, over_networks
from selectax.study.runtime.waiting import fetch

# Numbers of epsilons are filled up to a multiple of it, so that few of them compile anew.
_MULTIPLE = 8


def robust_at(
    keys: UInt32[np.ndarray, "networks ..."],
    variables: Mapping[str, Any],
    batches: Batches,
    epsilons: Float[np.ndarray, "epsilons"],
    steps: int,
    *,
    apply: Apply,
    attack: Attack,
    norm: Literal["linf", "l2"],
    restarts: int,
    mesh: Mesh | None,
) -> Bool[np.ndarray, "networks epsilons samples"]:
    """Whether each image withstands an attack with each epsilon and with all smaller ones.

    Args:
      keys: data of each network's PRNG key for the random starts.
      variables: variables of the networks, stacked.
      batches: clean images and their labels.
      epsilons: radii of the balls.
      steps: largest number of steps of an attack.
      apply: function of the network, see `selectax.models.Network`.
      attack: an iterated attack.
      norm: norm of the ball.
      restarts: number of attacks that an image must withstand.
      mesh: devices of the networks.

    Returns:
      False for images that are misclassified without an attack. Padding has arbitrary values.
    """
    epsilons = np.asarray(epsilons, np.float32)
    filled = np.pad(epsilons, (0, -len(epsilons) % _MULTIPLE), mode="edge")
    breaking = [
        _break_batch(
            key=keys,
            number=np.int32(number),
            variables=variables,
            images=batch.images,
            labels=batch.labels,
            epsilons=filled,
            steps=np.int32(steps),
            apply=apply,
            attack=attack,
            norm=norm,
            restarts=restarts,
            mesh=mesh,
        )
        for number, batch in enumerate(one_by_one(batches))
    ]
    return np.concatenate(fetch(breaking), axis=1)[:, None] > epsilons[:, None]


@over_networks(each=("key", "variables"), static=("apply", "attack", "norm", "restarts"))
def _break_batch(
    key: UInt32[Array, "..."],
    number: Int[Array, ""],
    variables: Mapping[str, Any],
    images: Array,
    labels: Int[Array, "samples"],
    epsilons: Float[Array, "epsilons"],
    steps: Int[Array, ""],
    *,
    apply: Apply,
    attack: Attack,
    norm: Literal["linf", "l2"],
    restarts: int,
) -> Float[Array, "samples"]:
    def logits_fn(images):
        return apply(variables, images)[0]

    return breaking_epsilons(
        key_of_batch(key, number),
        logits_fn,
        to_unit_range(images),
        labels,
        epsilons=epsilons,
        steps=steps,
        attack=attack,
        norm=norm,
        restarts=restarts,
        warm_start=False,  # as the attacks whose responses are measured
    ).astype(jnp.float32)
