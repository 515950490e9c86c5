"""Perturbs one batch of images by an attack or a corruption, in one compiled program each."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8, UInt32

from selectax.attacks import ATTACKS, Attack, run_attack
from selectax.corruptions import Corruption, corrupt, to_published_bytes
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.study.measures.computation.one_batch import Apply
from selectax.study.measures.computation.over_networks import key_of_batch, over_networks


@dataclasses.dataclass(frozen=True)
class Perturbation:
    """What perturbs images; static in compiled programs, while strength and steps are traced.

    Attributes:
      source: a corruption or an attack, by name or as an entry of its table.
      benchmark: whose severities corruptions have.
      norm: of attacks.
      restarts: of attacks that start at random.
    """

    source: str | Attack | Corruption
    benchmark: Benchmark = "cifar10"
    norm: Literal["linf", "l2"] = "linf"
    restarts: int = 1

    def __call__(
        self,
        key: PRNGKeyArray,
        logits_fn: Callable[[Array], Array],
        images: Float[Array, "samples height width channels"],
        labels: Int[Array, "samples"],
        strength: Array,
        steps: Int[Array, ""],
    ) -> Float[Array, "samples height width channels"]:
        """Perturbed images in [0, 1]; strength is a severity or an epsilon."""
        source = self.source
        if isinstance(source, str):
            source = ATTACKS.get(source, source)
        if isinstance(source, Attack):
            ball: dict[str, Any] = {"epsilon": strength, "norm": self.norm, "steps": steps}
            if source.starts_at_random(True):
                ball["restarts"] = self.restarts
            return run_attack(key, source, logits_fn, images, labels, **ball)
        severity = strength.astype(jnp.int32)
        corrupted = corrupt(key, images, source, severity, benchmark=self.benchmark)
        # As the published sets hold them.
        return to_unit_range(to_published_bytes(corrupted))


@over_networks(each=("key", "variables"), static=("apply", "perturbation"))
def perturb_batch(
    key: UInt32[Array, "..."],
    number: Int[Array, ""],
    variables: Mapping[str, Any],
    images: UInt8[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    strength: Float[Array, ""],
    steps: Int[Array, ""],
    *,
    apply: Apply,
    perturbation: Perturbation,
) -> Float[Array, "samples height width channels"]:
    """Perturbs one batch of images; a program of several networks, see `over_networks`.

    Args:
      key: data of the PRNG key for random corruptions and for random starts of attacks.
      number: number of the batch. All strengths use the same random draws for a batch.
      variables: variables of the network.
      images: clean images.
      labels: their classes.
      strength: severity or epsilon; traced.
      steps: number of steps of attacks; traced.
      apply: function of the network, see `selectax.models.Network`.
      perturbation: function that perturbs the images.

    Returns:
      Perturbed images in [0, 1].
    """

    def logits_fn(images):
        return apply(variables, images)[0]

    of_batch = key_of_batch(key, number)
    return perturbation(of_batch, logits_fn, to_unit_range(images), labels, strength, steps)
