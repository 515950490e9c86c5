"""Finds the smallest epsilon that breaks each image of a batch, in one compiled program."""

import functools
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.attacks import Attack, breaking_epsilons
from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.study.measures.computation.one_batch import Apply
from selectax.study.runtime.waiting import fetch

# Numbers of epsilons are filled up to a multiple of it, so that few of them compile anew.
_MULTIPLE = 8


def robust_at(
    key: PRNGKeyArray,
    variables: Mapping[str, Any],
    batches: Batches,
    epsilons: Float[np.ndarray, "epsilons"],
    steps: int,
    *,
    apply: Apply,
    attack: Attack,
    norm: Literal["linf", "l2"],
    restarts: int,
) -> Bool[np.ndarray, "epsilons samples"]:
    """Whether each image withstands an attack with each epsilon and with all smaller ones.

    Args:
      key: PRNG key for the random starts.
      variables: variables of the network.
      batches: clean images and their labels.
      epsilons: radii of the balls.
      steps: largest number of steps of an attack.
      apply: function of the network, see `selectax.models.Network`.
      attack: an iterated attack.
      norm: norm of the ball.
      restarts: number of attacks that an image must withstand.

    Returns:
      False for images that are misclassified without an attack. Padding has arbitrary values.
    """
    batches, epsilons = jax.device_get(batches), np.asarray(epsilons, np.float32)
    filled = np.pad(epsilons, (0, -len(epsilons) % _MULTIPLE), mode="edge")
    breaking = [
        _break_batch(
            jax.random.fold_in(key, number),
            variables,
            images,
            labels,
            filled,
            np.int32(steps),
            apply=apply,
            attack=attack,
            norm=norm,
            restarts=restarts,
        )
        for number, (images, labels) in enumerate(zip(batches.images, batches.labels, strict=True))
    ]
    return np.concatenate(fetch(breaking)) > epsilons[:, None]


@functools.partial(jax.jit, static_argnames=("apply", "attack", "norm", "restarts"))
def _break_batch(
    key: PRNGKeyArray,
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
        key,
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
