"""Networks that are measured side by side, each on a device of its own."""

import functools
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray, UInt32

from selectax.datasets.pipeline.batches import Batches
from selectax.models.network import Network, Variables
from selectax.study.measures.computation.over_networks import AXIS, stack
from selectax.study.measures.computation.statistics import CleanMeasures, Responses, measure_clean
from selectax.study.runtime.waiting import fetch


class Member(Protocol):
    """What a cohort uses of a `Subject`; properties, because it changes none of it."""

    @property
    def key(self) -> PRNGKeyArray: ...  # noqa: D102

    @property
    def network(self) -> Network: ...  # noqa: D102

    @property
    def variables(self) -> Variables: ...  # noqa: D102

    @property
    def images(self) -> Any: ...  # noqa: D102

    @property
    def num_classes(self) -> int: ...  # noqa: D102

    def join(self, cohort: "Cohort") -> None: ...  # noqa: D102


class Cohort:
    """Networks that are measured side by side.

    What one of them asks for is computed for all of them and kept, so that the others only fetch
    their parts.

    Attributes:
      mesh: a device for each network, on the axis "networks"; None for a single one.
      variables: variables of the networks, stacked.
      network: their functions.
      num_classes: number of classes.
    """

    def __init__(
        self, subjects: Sequence[Member], devices: Sequence[jax.Device] | None = None
    ) -> None:
        """Puts each network on its device.

        Args:
          subjects: the networks; they may differ in seeds and variables only.
          devices: at least as many as networks; by default the default device for a single one.
        """
        several = devices is not None and len(devices) > 1
        self.mesh = Mesh(np.array(devices), (AXIS,)) if several else None
        # Weak ones, so that arrays on devices are freed with the last network.
        self._subjects = [weakref.ref(subject) for subject in subjects]
        self.variables = stack([subject.variables for subject in subjects], self.mesh)
        self.network = subjects[0].network
        self.num_classes = subjects[0].num_classes
        self._images = subjects[0].images
        self._kept: dict[Hashable, Any] = {}
        for subject in subjects:
            subject.join(self)

    def part(self, subject: Member, name: Hashable, compute: Callable[["Cohort"], Any]) -> Any:
        """Returns one network's part of a result with the networks on the first axis.

        Args:
          subject: the network.
          name: what is computed. It is computed only once.
          compute: computes it for all networks.
        """
        return self.of(subject, self.once(name, compute))

    def once(self, name: Hashable, compute: Callable[["Cohort"], Any]) -> Any:
        """Returns the whole result of what is computed only once."""
        if name not in self._kept:
            self._kept[name] = compute(self)
        return self._kept[name]

    def of(self, subject: Member, stacked: Any) -> Any:
        """Returns one network's part of NumPy arrays with the networks on the first axis."""
        at = self._subjects.index(weakref.ref(subject))
        return jax.tree.map(lambda leaf: leaf[at], stacked)

    def of_each(self, function: Callable[[Any], Any]) -> Any:
        """Stacks what a function returns for each network, and puts it on the networks' devices."""
        return stack([function(subject()) for subject in self._subjects], self.mesh)

    def keys(self, number: int | None = None) -> UInt32[np.ndarray, "networks ..."]:
        """Data of the networks' PRNG keys, into which a number may be folded."""

        def of_one(subject: Member) -> Any:
            key = subject.key if number is None else jax.random.fold_in(subject.key, number)
            return jax.random.key_data(key)

        return self.of_each(of_one)

    @functools.cached_property
    def clean(self) -> tuple[CleanMeasures, Responses]:
        """Measurements on the clean test images, and the responses to them."""
        return self.measure_clean(self._images.test)

    @functools.cached_property
    def before_attacks(self) -> tuple[CleanMeasures, Responses]:
        """The same of the images to attack, without an attack."""
        return self.measure_clean(self._images.attacked)

    @functools.cached_property
    def fetched_responses(self) -> Responses:
        """Responses to the clean test images, as NumPy arrays."""
        return fetch(self.clean[1])

    def measure_clean(self, batches: Batches) -> tuple[CleanMeasures, Responses]:
        """Measures the networks on clean images."""
        return measure_clean(
            self.variables,
            batches,
            apply=self.network.apply,
            num_classes=self.num_classes,
            mesh=self.mesh,
        )
