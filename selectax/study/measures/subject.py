"""The input of a measure: a trained network and the images that it is measured on."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, PRNGKeyArray

from selectax.attacks import ATTACKS, Attack
from selectax.corruptions.corruption import Benchmark
from selectax.datasets.corrupted_sets import OfficialSet
from selectax.datasets.pipeline.batches import Batches
from selectax.models.network import Network, Variables
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.cohort import Cohort
from selectax.study.measures.computation.own_corruptions import OwnCorruptions
from selectax.study.measures.computation.statistics import CleanMeasures


class EvaluationImages(NamedTuple):
    """Images that networks are measured on.

    Attributes:
      test: clean images, for everything except attacks, ablation and input gradients.
      attacked: clean images for attacks, ablation and input gradients.
      corrupted: corrupted test images, by the benchmark's authors or by us.
      benchmark: benchmark that defines the severities of corruptions.
    """

    test: Batches
    attacked: Batches
    corrupted: OfficialSet | OwnCorruptions
    benchmark: Benchmark = "cifar10"


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """One trained network and the settings of its measurement.

    Attributes:
      seed: seed of random numbers. Corrupted images do not depend on it; they are the same for all
        networks.
      network: functions of the network.
      variables: parameters and state of the network.
      images: images to measure the network on.
      options: options of the measures.
      num_classes: number of classes.
      own_attacks: user-defined attacks that replace those named in the options.
      warnings: reasons why results may mislead. Measures append to it.
      units: values of all units, by metric and layer. Measures may add to it.
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
        """PRNG key made from the seed."""
        return jax.random.key(self.seed)

    def join(self, cohort: Cohort) -> None:
        """Measures this network beside others from now on."""
        self.__dict__["cohort"] = cohort

    @functools.cached_property
    def cohort(self) -> Cohort:
        """The networks that are measured beside this one; by default it is alone."""
        return Cohort([self])

    @functools.cached_property
    def clean(self) -> CleanMeasures:
        """Accuracy, selectivity and dimensionality on the clean test images."""
        return self.cohort.part(self, "clean", lambda cohort: cohort.clean[0])

    @functools.cached_property
    def clean_responses(self) -> Sequence[Mapping[str, Float[np.ndarray, "samples units"]]]:
        """Responses of each layer to each batch of clean test images."""
        return self.cohort.part(self, "responses", lambda cohort: cohort.fetched_responses)

    @functools.cached_property
    def before_attacks(self) -> CleanMeasures:
        """Accuracy, selectivity and dimensionality on the images to attack, without an attack."""
        return self.cohort.part(self, "before attacks", lambda cohort: cohort.before_attacks[0])

    @property
    def unattacked(self) -> Bool[np.ndarray, "samples"]:
        """Whether each image to attack is classified correctly without an attack."""
        return self.before_attacks.correct.ravel()

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """Attacks to run."""
        return self.own_attacks or tuple(ATTACKS[name] for name in self.options.attacks)

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""
        return list(self.clean.selectivity)

    @property
    def selectivity(self) -> Mapping[str, Float[np.ndarray, "units"]]:
        """Class selectivity index of each unit of each layer."""
        return self.clean.selectivity


def count(batches: Batches) -> int:
    """Returns the number of images without the padding of the last batch."""
    return int(np.asarray(batches.where).sum())
