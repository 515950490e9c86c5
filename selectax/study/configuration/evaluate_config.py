"""The configuration of an evaluation of networks, from which the command line is made."""

import dataclasses
from pathlib import Path
from typing import Literal

from selectax.study.configuration.options import (
    DataOptions,
    EvaluationOptions,
    LogOptions,
)
from selectax.study.measures.registry import MEASURES

_CIFAR10 = DataOptions(dataset="cifar10")
_TOLD = LogOptions()
_EVERYTHING = EvaluationOptions(measures=tuple(MEASURES))


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Measures one network, a PyTorch file's, or those of a sweep.

    Selectivity, accuracy under corruptions and attacks, dimensionality, input gradients, ablation,
    and other indices of selectivity.
    """

    weights: Path
    """File of PyTorch or safetensors with a state dict, or the folder of a sweep."""
    model: str | None = None
    """Network of a file, by default resnet20; a sweep knows its own."""
    alpha: float | None = None
    """Which networks of a sweep; by default all. Of a file: what its rows say."""
    seed: int | None = None
    """Which networks of a sweep; by default all. Of a file: of what is drawn at random, by default
    0."""
    mean: tuple[float, float, float] | None = None
    """Means of the channels, in [0, 1], by which a file's network had its images normalised; by
    default ImageNet's."""
    deviation: tuple[float, float, float] | None = None
    """Deviations of the channels, likewise."""
    max_pool: bool = False
    """A file's network has a max-pool after the stem, as torchvision's ResNets do."""
    class_order: Literal["official", "sorted"] = "official"
    """Order of a file's logits: that of the data set, or that of sorted class folders, as
    torchvision's ImageFolder has them."""
    key: str | None = None
    """Where in a file the state dict is, such as ema; needed only if several fit."""
    output: Path | None = None
    """CSV file of the results, by default WEIGHTS_results.csv; Parquet goes beside it. An
    evaluation that was interrupted goes on with it; results of anything else are not replaced."""
    data: DataOptions = _CIFAR10
    evaluation: EvaluationOptions = _EVERYTHING
    log: LogOptions = _TOLD

    @property
    def results(self) -> Path:
        """The CSV file."""
        return self.output or Path(f"{self.weights.absolute().name}_results.csv")
