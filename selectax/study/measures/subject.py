"""What a measure knows of one trained network, and the images that it is measured on."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from selectax.attacks import ATTACKS, Attack
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.corrupted_sets import OfficialSet
from selectax.datasets.pipeline.batches import Batches
from selectax.models.network import Network, Variables
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.own_corruptions import OwnCorruptions
from selectax.study.measures.statistics import CleanMeasures, measure_clean
from selectax.study.runtime.waiting import fetch


class EvaluationImages(NamedTuple):
    """Images that networks are measured on.

    Attributes:
      test: clean images, for everything but attacks.
      attacked: clean images to attack.
      corrupted: the test images corrupted, by the benchmark's authors or by us.
      benchmark: whose severities corruptions have.
    """

    test: Batches
    attacked: Batches
    corrupted: OfficialSet | OwnCorruptions
    benchmark: Benchmark = "cifar10"


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """One trained network, and how it is measured.

    Attributes:
      seed: of what is drawn at random; images are corrupted alike for all networks.
      network: its functions.
      variables: its parameters and state.
      images: to measure it on.
      options: what to measure.
      num_classes: number of classes.
      own_attacks: to run, in place of those that the options name.
      warnings: sentences on why what was measured may mislead; measures add to them.
      units: by metric and layer, a value for each unit; measures may add to it.
    """

    seed: int
    network: Network
    variables: Variables
    images: EvaluationImages
    options: EvaluationOptions
    num_classes: int
    own_attacks: tuple[Attack, ...] = ()
    warnings: list[str] = dataclasses.field(default_factory=list)
    units: dict[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> PRNGKeyArray:
        """Key of the network's seed."""
        return jax.random.key(self.seed)

    @functools.cached_property
    def clean(self) -> CleanMeasures:
        """Accuracy, selectivity and dimensionality on the clean test images."""
        return self._measure_clean(self.images.test)

    @functools.cached_property
    def unattacked(self) -> Bool[Array, "samples"]:
        """Whether each image to attack is classified correctly as it is."""
        return self._measure_clean(self.images.attacked).correct.ravel()

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """Attacks to run."""
        return self.own_attacks or tuple(ATTACKS[name] for name in self.options.attacks)

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""
        return list(self.clean.selectivity)

    @property
    def selectivity(self) -> Mapping[str, Float[Array, "units"]]:
        """Class selectivity index of each unit of each layer."""
        return self.clean.selectivity

    def _measure_clean(self, batches: Batches) -> CleanMeasures:
        return fetch(
            measure_clean(
                self.variables, batches, apply=self.network.apply, num_classes=self.num_classes
            )
        )


def count(batches: Batches) -> int:
    """Number of images, without those that fill up the last batch."""
    return int(np.asarray(batches.where).sum())
