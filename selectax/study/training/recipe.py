"""The training settings that all networks of a population share."""

import dataclasses
from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float

from selectax.datasets.pipeline.augmentation import augment
from selectax.models.network import Network
from selectax.study.training.methods.method import TrainingMethod
from selectax.study.training.methods.registry import STANDARD


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings shared by all networks of a population; static arguments of compiled programs.

    Attributes:
      network: the architecture, as a set of functions.
      num_classes: number of classes of the data set.
      epochs: number of passes over the training set.
      batch_size: images per step; the last, smaller batch of an epoch is dropped.
      momentum: momentum of SGD.
      weight_decay: weight decay of SGD, applied to all parameters.
      layers: names of the regularized layers, or groups of names whose units are pooled; None
        regularizes all layers.
      augment: function `(key, images, horizontal_flip, part) -> images` that augments a batch.
      horizontal_flip: whether images are mirrored at random.
      micro_batches: number of parts into which each batch is split; the network processes them one
        after the other.
      synchronize_batch_norm: whether batch norm uses the statistics of the whole batch, instead of
        each device's share of it.
      regularizer: function `(activations, labels, num_classes) -> scalar` that alpha multiplies
        instead of mean class selectivity; None uses mean class selectivity. If several devices
        share a batch, the scalar is averaged over them.
      method: training method.
      method_options: names and values of the method's static options.
    """

    network: Network
    num_classes: int
    epochs: int
    batch_size: int
    momentum: float = 0.9
    weight_decay: float = 1e-4
    layers: tuple[str | tuple[str, ...], ...] | None = None
    augment: Callable[..., Array] = augment
    horizontal_flip: bool = True
    micro_batches: int = 1
    synchronize_batch_norm: bool = True
    regularizer: Callable[[dict[str, Array], Array, int], Float[Array, ""]] | None = None
    method: TrainingMethod = STANDARD
    method_options: tuple[tuple[str, Any], ...] = ()
