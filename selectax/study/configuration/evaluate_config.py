"""The configuration of an evaluation. The command line is generated from it."""

import dataclasses
from pathlib import Path
from typing import Literal

from selectax.study.configuration.kinds import as_paths
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
    """Measures one network from a PyTorch file, or the networks of a sweep.

    Measures selectivity, accuracy under corruptions and attacks, dimensionality, input gradients,
    ablation, and other indices of selectivity.
    """

    weights: Path
    """PyTorch or safetensors file with a state dict, or the folder of a sweep."""
    model: str | None = None
    """Name of the network in a file; resnet20 by default. A sweep records its own."""
    alpha: float | None = None
    """For a sweep, measure only networks of this alpha; all by default. For a file, the alpha in
    its rows."""
    seed: int | None = None
    """For a sweep, measure only networks of this seed; all by default. For a file, the seed of
    random numbers; 0 by default."""
    training_strength: float | None = None
    """For a sweep, measure only networks of this strength of training; all by default."""
    mean: tuple[float, float, float] | None = None
    """Channel means, in [0, 1], that normalised the images for the network of a file; ImageNet's by
    default."""
    deviation: tuple[float, float, float] | None = None
    """Channel standard deviations, in [0, 1], for the same; ImageNet's by default."""
    max_pool: bool = False
    """The network of a file has a max-pool after the stem, as torchvision's ResNets do."""
    class_order: Literal["official", "sorted"] = "official"
    """Order of the logits in a file: the data set's official order, or sorted class folders as in
    torchvision's ImageFolder."""
    key: str | None = None
    """Location of the state dict in a file, such as ema. Needed only if several fit."""
    output: Path | None = None
    """CSV file for the results; WEIGHTS_results.csv by default. A Parquet file is written beside
    it. An interrupted evaluation continues its file. Other results are never overwritten."""
    data: DataOptions = _CIFAR10
    evaluation: EvaluationOptions = _EVERYTHING
    log: LogOptions = _TOLD

    def __post_init__(self) -> None:
        as_paths(self, "weights", "output")

    @property
    def results(self) -> Path:
        """Path of the CSV file with the results."""
        return self.output or Path(f"{self.weights.absolute().name}_results.csv")
