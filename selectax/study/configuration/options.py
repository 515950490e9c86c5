"""The options of a sweep and of an evaluation, from which the command line is made.

Importing this module loads neither JAX nor TFDS.
"""

import dataclasses
from pathlib import Path
from typing import Literal

Measure = Literal[
    "selectivity",
    "corruptions",
    "attacks",
    "dimensionality",
    "input_gradients",
    "ablation",
    "indices",
]
MEASURES: tuple[Measure, ...] = ("selectivity", "corruptions", "attacks", "dimensionality")
MORE_MEASURES: tuple[Measure, ...] = ("input_gradients", "ablation", "indices")


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """What the networks are trained and evaluated on."""

    dataset: str = "digits"
    """Data set: digits (embedded), cifar10 or tiny_imagenet."""
    archives: Path | None = None
    """Folder that holds the official archives, or extracted copies of them (which need
    --allow-unverified-archives); without it a prepared set or a download is used."""
    data_dir: Path | None = None
    """Folder for prepared data sets; by default that of tensorflow-datasets."""
    allow_unverified_archives: bool = False
    """Take archives without the official checksum, such as subsets and extracted copies."""
    train_limit: int | None = None
    """Train on the first so many training images."""


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """How each network is trained: SGD, the learning rate falling to a tenth several times.

    At 1/2 and 3/4 of the run, or on tiny_imagenet at 35/90, 50/90, 65/90 and 80/90.
    """

    model: str = "resnet8"
    """Network: resnet8, 20, 32, 44 or 56 in CIFAR's form (resnet20_b and so on with shortcuts B),
    resnet18, 34 or 50 in ImageNet's (resnet18_cifar and so on with a 3 × 3 stem), resnet10_quarter
    as a small resnet18, or vgg16."""
    epochs: int = 5
    """Passes over the training set."""
    batch_size: int = 32
    """Images a step; an epoch's last, smaller batch is dropped."""
    learning_rate: float = 0.1
    """Learning rate at the start."""
    momentum: float = 0.9
    """Momentum of SGD."""
    weight_decay: float = 1e-4
    """Weight decay on all parameters."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the feature maps in training; weights, sums, statistics and selectivity are float32, and
    so is what is measured."""
    micro_batches: int = 1
    """Parts of each batch that follow one another, for batches that do not fit; selectivity is that
    of the whole batch, batch norm that of each part."""
    batch_norm: Literal["synchronized", "per-device"] = "synchronized"
    """Whether devices that share a batch take its statistics together, as one device would."""
    augmentation: Literal["crop", "resized-crop"] = "crop"
    """Pad by 4 pixels and crop, as in the papers, or stretch a random rectangle."""


@dataclasses.dataclass(frozen=True)
class RegularizerOptions:
    """The class-selectivity regularizer: cross-entropy − alpha · mean selectivity."""

    alpha: tuple[float, ...] = (-1.0, 0.0, 1.0)
    """Strengths; below 0 discourages class selectivity, above 0 promotes it."""
    seeds: int = 3
    """Networks per alpha: seeds 0, 1, …; networks of one seed start alike."""
    first_seed: int = 0
    """Seed of the first network of each alpha, for array jobs that share the seeds out."""
    regularized_layers: tuple[str, ...] = ()
    """Names of the regularized layers, such as stage1_block1_inner; by default all."""
    alpha_epochs: tuple[int, int] | None = None
    """First and last epoch with the regularizer, counted from 1; by default all."""

    @property
    def seed_numbers(self) -> range:
        """Seeds of the networks of each alpha."""
        return range(self.first_seed, self.first_seed + self.seeds)


@dataclasses.dataclass(frozen=True)
class EvaluationOptions:
    """What is measured of each network, at the epoch with the best validation accuracy."""

    measures: tuple[
        Measure,
        ...,
    ] = MEASURES
    """Beside clean accuracy; indices are d′, sparseness and other kin of selectivity."""
    evaluation_images: int | None = None
    """Take the first so many test images; by default all."""
    attack_images: int | None = 128
    """The first so many of these for attacks, input gradients and ablation; None for all."""
    evaluation_batch_size: int = 128
    """Images at a time."""
    corruptions: tuple[str, ...] | None = None
    """Names of corruptions; by default 19 for cifar10, 15 for tiny_imagenet, 5 for digits."""
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Of each corruption, 1 to 5."""
    corrupted_images: Literal["auto", "official", "own"] = "auto"
    """Official corrupted set, or our corruptions of the test images; auto takes the official one
    if it was prepared or its archive is at hand."""
    epsilons: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0)
    """Radii of the attacks' balls, in 1/255 of a pixel's range."""
    norm: Literal["linf", "l2"] = "linf"
    """Norm of the attacks' balls."""
    pgd_steps: tuple[int, ...] = (10,)
    """Numbers of gradient steps of PGD; each gives a curve."""
    pgd_restarts: int = 1
    """Random starts of PGD; an image is broken if one breaks it."""
    input_gradient_directions: int = 64
    """Random directions for each image from which norms of input-unit gradients are estimated."""
    ablation_points: int = 8
    """Points of each curve of accuracy over units switched off."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where results go and how the work is arranged; the results themselves do not depend on it."""

    output: Path | None = None
    """Folder of the run; by default runs/DATASET_MODEL."""
    resume: bool = False
    """Go on with the run in the output folder, or start it if there is none yet."""
    input: Literal["auto", "resident", "stream"] = "auto"
    """Training images on the device, or streamed to it from disk; auto by the device's memory."""
    checkpoint_minutes: float = 10
    """Minutes between checkpoints; one follows each epoch anyway."""
    models_at_a_time: int | None = None
    """Networks that a device trains side by side; by default 1 on the CPU, and on GPU and TPU as
    many as its memory holds."""
    mesh: str = "auto"
    """Devices: MxD spreads the networks over M and each batch over D; auto takes all of them."""
    coordinator: str | None = None
    """For several hosts, which run the same command: HOST:PORT of the first, or auto on a cluster
    that says so itself (Slurm, MPI, TPU pods)."""
    hosts: int | None = None
    """Number of hosts, with a coordinator that is not auto."""
    host: int | None = None
    """Number of this host, from 0, with a coordinator that is not auto."""
    dry_run: bool = False
    """Say what would be done, how long it takes and what is done already, and do nothing."""
    curves: Literal["none", "csv", "tensorboard"] = "none"
    """Figures of each network after each epoch: in curves.csv, or for TensorBoard in curves/."""


@dataclasses.dataclass(frozen=True)
class LogOptions:
    """What is told of the work while it goes on."""

    quiet: bool = False
    """Say nothing but warnings, errors, and where the results are."""
    log_json: bool = False
    """Tell progress, warnings and errors on stderr as JSON, one object a line, by event."""
