"""Perturbations by name, corruptions and attacks alike: strength is a severity or an epsilon."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import jax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from selectax.attacks import fgsm, pgd
from selectax.corruptions import corrupt, to_published_bytes
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.pipeline.batches import to_unit_range


@dataclasses.dataclass(frozen=True)
class Perturbation:
    """What perturbs images; static in compiled programs, while strength and steps are traced.

    Attributes:
      name: of a corruption, "fgsm" or "pgd".
      benchmark: whose severities corruptions have.
      norm: of attacks.
      restarts: of PGD.
    """

    name: str
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
        """Perturbed images in [0, 1]."""
        if self.name == "fgsm":
            return fgsm(logits_fn, images, labels, epsilon=strength, norm=self.norm)
        if self.name == "pgd":
            ball: dict[str, Any] = {"epsilon": strength, "norm": self.norm}
            return pgd(key, logits_fn, images, labels, steps=steps, restarts=self.restarts, **ball)
        severity = strength.astype(jax.numpy.int32)
        corrupted = corrupt(key, images, self.name, severity, benchmark=self.benchmark)
        # As the published sets hold them.
        return to_unit_range(to_published_bytes(corrupted))
