"""What all networks of a population have in common."""

import dataclasses
from collections.abc import Callable

from jaxtyping import Array, Float

from selectax.datasets.pipeline.augmentation import augment
from selectax.models.network import Network


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What all networks of a population share; static in compiled programs.

    Attributes:
      network: its functions.
      num_classes: classes of the data set.
      epochs: passes over the training set.
      batch_size: images a step; the last, smaller batch of an epoch is dropped.
      momentum: of SGD.
      weight_decay: of SGD, on all parameters.
      layers: names of the regularized layers; None for all.
      augment: (key, images, horizontal_flip, part) to images that training takes instead.
      horizontal_flip: whether images are mirrored at random.
      micro_batches: parts of the batch that go through the network one after the other.
      synchronize_batch_norm: whether devices that share a batch take its statistics together.
      regularizer: (activations, labels, num_classes) to what alpha multiplies in place of mean
        class selectivity; None for that. Of devices that share a batch the mean is taken.
    """

    network: Network
    num_classes: int
    epochs: int
    batch_size: int
    momentum: float = 0.9
    weight_decay: float = 1e-4
    layers: tuple[str, ...] | None = None
    augment: Callable[..., Array] = augment
    horizontal_flip: bool = True
    micro_batches: int = 1
    synchronize_batch_norm: bool = True
    regularizer: Callable[[dict[str, Array], Array, int], Float[Array, ""]] | None = None
