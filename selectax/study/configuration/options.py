"""The options of a sweep and of an evaluation, from which the command line is made.

Importing this module loads neither JAX nor TFDS.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from selectax.study.configuration.kinds import as_paths
from selectax.study.measures.registry import MEASURES

# The names in the table, so that the command line knows them.
if TYPE_CHECKING:
    MeasureName = str
else:
    MeasureName = Literal[tuple(MEASURES)]
_DEFAULT_MEASURES = tuple(name for name, measure in MEASURES.items() if measure.is_default)


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Data for training and evaluation."""

    dataset: str = "digits"
    """Data set: {data_sets}."""
    archives: Path | None = None
    """Folder that holds the official archives, or extracted copies of them, which
    count as unverified; without it a prepared set or a download is used."""
    data_dir: Path | None = None
    """Folder for prepared data sets; by default the one that tensorflow-datasets uses."""
    allow_unverified_archives: bool = False
    """Accept archives without the official checksum, such as subsets and extracted copies."""
    train_limit: int | None = None
    """Use only the first N training images."""
    validation_limit: int | None = None
    """Use only the first N validation images; all by default. They choose the epoch that is
    measured."""

    def __post_init__(self) -> None:
        as_paths(self, "archives", "data_dir")


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """How each network is trained: SGD with momentum and a step schedule.

    The learning rate is divided by 10 at 1/2 and 3/4 of the run; on tiny_imagenet at 35/90, 50/90,
    65/90 and 80/90.
    """

    model: str = "resnet8"
    """Network: {networks}."""
    epochs: int = 5
    """Number of passes over the training set."""
    batch_size: int = 32
    """Images per step. The last, smaller batch of an epoch is dropped."""
    learning_rate: float = 0.1
    """Initial learning rate."""
    warmup_epochs: float = 0.0
    """Number of epochs over which the learning rate rises to its initial value, which may be a
    fraction. By default there is no warm-up, as is usual for CIFAR-10 at a batch size up to 256."""
    momentum: float = 0.9
    """Momentum of SGD."""
    weight_decay: float = 1e-4
    """Weight decay, applied to all parameters."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of the feature maps in training, and in the validation that chooses the best epoch.
    Weights, sums, statistics and selectivity are float32, and all measures are in float32."""
    micro_batches: int = 1
    """Number of parts into which each batch is split if it does not fit in memory. Selectivity is
    computed over the whole batch, batch norm over each part."""
    batch_norm: Literal["synchronized", "per-device"] = "synchronized"
    """Whether devices that share a batch compute its statistics together, as one device would."""
    augmentation: Literal["crop", "resized-crop"] = "crop"
    """Pad by 4 pixels and crop (our choice for all data sets), or resize a random rectangle."""


@dataclasses.dataclass(frozen=True)
class RegularizerOptions:
    """The class-selectivity regularizer: cross-entropy − alpha · mean selectivity."""

    alpha: tuple[float, ...] = (-1.0, 0.0, 1.0)
    """Regularizer strengths; negative values reduce class selectivity, positive ones raise it."""
    seeds: int = 3
    """Number of networks per alpha, with seeds 0, 1, …. Networks with the same seed start from the
    same weights."""
    first_seed: int = 0
    """Seed of the first network of each alpha, for array jobs that split the seeds between them."""
    regularized_layers: tuple[str, ...] = ()
    """Names of the layers to regularize, such as stage1_block1_inner, or one of the following
    choices; by default all layers, each with the same weight. {layer_choices}."""
    alpha_epochs: tuple[int, int] | None = None
    """First and last epoch in which the regularizer is used, counted from 1; by default all."""
    alpha_warmup_epochs: float = 0.0
    """Number of epochs over which alpha rises to its value, from the first epoch in which the
    regularizer is used. By default there is no warm-up, so that equal alphas mean the same in runs
    of any length."""

    @property
    def seed_numbers(self) -> range:
        """Seeds of the networks of each alpha."""
        return range(self.first_seed, self.first_seed + self.seeds)


@dataclasses.dataclass(frozen=True)
class MethodOptions:
    """Training for robustness: each network is trained by one method, at a strength of its own."""

    training_method: str = "standard"
    """Training method: {training_methods}."""
    training_strength: tuple[float, ...] = (0.0,)
    """Strengths of the training method, each of which is combined with every alpha and seed; 0 is
    standard training. A strength is {training_strengths}."""
    adversarial_norm: Literal["linf", "l2"] = "linf"
    """Norm of the attack in adversarial training."""
    adversarial_steps: int = 7
    """Number of steps of the attack in adversarial training."""
    adversarial_step_size: float = 2.5
    """Length of a step of the attack in adversarial training, in units of epsilon divided by the
    number of steps."""
    training_corruptions: tuple[str, ...] = (
        *("speckle_noise", "gaussian_blur", "spatter", "saturate"),
    )
    """Corruptions for training on corrupted images, from {corruptions}. By default the four that
    their benchmark sets aside from the 15 over which it averages."""

    @property
    def strengths(self) -> tuple[float, ...]:
        """Strengths as floats."""
        return tuple(map(float, self.training_strength))


@dataclasses.dataclass(frozen=True)
class EvaluationOptions:
    """What is measured of each network, at the epoch with the best validation accuracy."""

    measures: tuple[MeasureName, ...] = _DEFAULT_MEASURES
    """What to measure besides clean accuracy: {measures}."""
    evaluation_images: int | None = None
    """Use only the first N test images; by default all."""
    attack_images: int | None = 128
    """Number of test images for attacks, input gradients and ablation; None for all."""
    evaluation_batch_size: int = 128
    """Images per batch in evaluation."""
    corruptions: tuple[str, ...] | None = None
    """Corruptions: {corruptions}. By default those of the data set's official corrupted
    set, and 5 for data sets that have none."""
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Severities of each corruption, from 1 to 5."""
    corrupted_images: Literal["auto", "official", "own"] = "auto"
    """Images of the official corrupted set, or our own corruptions of the test images. auto uses
    the official set if it has been prepared or its archive is available."""
    attacks: tuple[str, ...] = ("fgsm", "pgd")
    """Attacks: {attacks}."""
    epsilons: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0)
    """Attack epsilons, in units of 1/255 of the pixel range."""
    response_epsilons: tuple[float, ...] | None = None
    """Those of the epsilons for which dimensionality and selectivity are measured under attack; by
    default all. For the others, an iterated attack of an image ends as soon as it is known with
    which epsilon it breaks."""
    norm: Literal["linf", "l2"] = "linf"
    """Norm of the attacks."""
    pgd_steps: tuple[int, ...] = (10,)
    """Numbers of steps of PGD and other iterated attacks. Each gives a curve of its own."""
    pgd_restarts: int = 1
    """Number of random starts of attacks that start at random. An image counts as broken if any
    of them breaks it."""
    input_gradient_directions: int = 64
    """Number of random directions per image that estimate the norms of input-unit gradients."""
    ablation_points: int = 8
    """Number of points on each curve of accuracy over the number of ablated units."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where results go and how the work is scheduled.

    None of this changes the results, except that those of --batch-norm per-device and of
    --micro-batches depend on the number of devices that share a batch.
    """

    output: Path | None = None
    """Folder of the run; by default runs/DATASET_MODEL."""
    resume: bool = False
    """Continue the run in the output folder, or start one if there is none yet."""
    input: Literal["auto", "resident", "stream"] = "auto"
    """Keep the training images on the device, or stream them from disk. auto decides by the
    device's memory."""
    checkpoint_minutes: float = 10
    """Minutes between checkpoints within an epoch. One is always written after each epoch."""
    models_at_a_time: int | None = None
    """Number of networks that a device trains in parallel. By default 1 on the CPU. On GPU and TPU
    it is as many as fit in memory, or 1 if a few steps of one network take less time per network;
    convolutions as products of image patches are tried too. Another choice rounds differently."""
    mesh: str = "auto"
    """Device mesh. MxD distributes the networks over M devices and each batch over D; auto uses all
    devices."""
    coordinator: str | None = None
    """For several hosts that run the same command: HOST:PORT of the first host, or auto on Slurm,
    MPI and TPU pods."""
    hosts: int | None = None
    """Number of hosts, if the coordinator is not auto."""
    host: int | None = None
    """Index of this host, from 0, if the coordinator is not auto."""
    dry_run: bool = False
    """Print what would be done, how long it would take and what is already done, then exit. A data
    set that is not prepared yet is prepared first, which may download it; nothing else is
    written."""
    no_report: bool = False
    """Draw no figures and write no report at the end, for parts of a study. selectax join makes
    those of the whole, but for the example images."""
    curves: Literal["none", "csv", "tensorboard"] = "none"
    """Write training curves of each network after each epoch, to curves.csv or, for TensorBoard, to
    curves/."""

    def __post_init__(self) -> None:
        as_paths(self, "output")


@dataclasses.dataclass(frozen=True)
class LogOptions:
    """What is printed while the command runs."""

    quiet: bool = False
    """Print only warnings, errors and the output paths."""
    log_json: bool = False
    """Print progress, warnings and errors to stderr as JSON, one object per line."""
