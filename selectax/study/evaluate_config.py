"""The configuration of an evaluation of networks, from which the command line is made."""

import dataclasses
from pathlib import Path

from selectax.study.config import (
    MEASURES,
    MORE_MEASURES,
    DataOptions,
    EvaluationOptions,
    LogOptions,
)

_CIFAR10 = DataOptions(dataset="cifar10")
_TOLD = LogOptions()
_EVERYTHING = EvaluationOptions(measures=(*MEASURES, *MORE_MEASURES))


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Measures one network, a PyTorch file's, or those of a sweep.

    Selectivity, accuracy under corruptions and attacks, dimensionality, input gradients, ablation,
    and other indices of selectivity.
    """

    weights: Path
    """File of PyTorch or safetensors with a state dict, or the folder of a sweep."""
    model: str = "resnet20"
    """Network of the file; a sweep knows its own."""
    alpha: float | None = None
    """Which network of a sweep, besides --seed; by default all."""
    seed: int = 0
    """Which network of a sweep; and of what is drawn at random."""
    output: Path | None = None
    """CSV file of the results, by default WEIGHTS_results.csv; Parquet goes beside it."""
    data: DataOptions = _CIFAR10
    evaluation: EvaluationOptions = _EVERYTHING
    log: LogOptions = _TOLD

    @property
    def results(self) -> Path:
        """The CSV file."""
        return self.output or Path(f"{self.weights.absolute().name}_results.csv")
