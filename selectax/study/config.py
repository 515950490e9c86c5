"""The configuration of a sweep, from which the command line is made, and what is wrong with one.

Importing this loads neither JAX nor TFDS, so that help is there at once.
"""

import dataclasses
import importlib.util
import math
import numbers
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from selectax.arguments.names import unknown

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
# One of each kind, so that the embedded data set is measured in a few minutes.
_QUICK_CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "brightness", "contrast", "pixelate")
# Of float32, in which networks are trained.
_LARGEST = (2 - 2**-23) * 2.0**127
MORE_MEASURES: tuple[Measure, ...] = ("input_gradients", "ablation", "indices")
# Which measures use an option; all others use none or are used by all.
_USED_BY = {
    ("corruptions",): ("corruptions", "severities", "corrupted_images"),
    ("attacks",): ("epsilons", "norm", "pgd_steps", "pgd_restarts"),
    ("input_gradients",): ("input_gradient_directions",),
    ("ablation",): ("ablation_points",),
    ("attacks", "input_gradients", "ablation"): ("attack_images",),
}
_COUNTS = (
    *("evaluation_images", "attack_images", "evaluation_batch_size", "pgd_restarts"),
    *("input_gradient_directions", "ablation_points"),
)


class ConfigurationError(ValueError):
    """A sentence that names a flag, its value and the remedy."""


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


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """Trains networks at several strengths of the class-selectivity regularizer and measures them.

    Measures selectivity, clean accuracy, accuracy under corruptions and attacks, dimensionality,
    after Leavitt & Morcos 2020 (arXiv 2007.04440). Ends with a results table, figures and a report.
    The defaults depend on the data set; name it beside --help to see its own.
    """

    data: DataOptions = DataOptions()
    training: TrainingOptions = TrainingOptions()
    regularizer: RegularizerOptions = RegularizerOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    run: RunOptions = RunOptions()
    log: LogOptions = LogOptions()

    @property
    def output(self) -> Path:
        """Folder of the run."""
        return self.run.output or Path("runs") / f"{self.data.dataset}_{self.training.model}"


# What everyone runs first: 24 networks in less time than the nine at 32 × 32 pixels that were the
# default before. Epochs and attacked images are as many as this time allows. Alphas were chosen by
# power before any verdict was seen: of five sets of six, this one decides the rank correlations of
# selectivity with accuracy under corruptions and PGD and with dimensions, on each side of 0, most
# often (0.65 of the time on average) in simulations with the means by alpha of an earlier trial and
# the deviations between seeds of four networks for each of six alphas.
_DIGITS = SweepConfig(
    training=TrainingOptions(epochs=4),
    regularizer=RegularizerOptions(alpha=(-5.0, -1.0, 0.0, 0.4, 1.0, 2.0), seeds=4),
    evaluation=EvaluationOptions(measures=(*MEASURES, "input_gradients"), attack_images=96),
)


def defaults_of(dataset: str) -> SweepConfig:
    """What the command does on a data set where no other flag is given.

    Args:
      dataset: its name.

    Returns:
      Of digits a study that is done in minutes; of all others the fields' own defaults.
    """
    if dataset == _DIGITS.data.dataset:
        return _DIGITS
    return SweepConfig(data=DataOptions(dataset=dataset))


def check(config: SweepConfig) -> None:
    """Refuses what cannot be meant, before any work.

    Raises:
      ConfigurationError: one sentence that names the flag, the value and the remedy.
    """
    # Late, because they load JAX, Flax and TFDS.
    from selectax.datasets import DATASETS
    from selectax.models import MODELS

    _check_name("--dataset", config.data.dataset, DATASETS)
    if config.data.dataset == "digits":
        _check_embedded(config.data)
    _check_name("--model", config.training.model, MODELS)
    check_evaluation(config.evaluation)
    check_used(config.evaluation, defaults_of(config.data.dataset).evaluation)
    _check_counts(config)
    for flag, value, lowest in (
        ("--learning-rate", config.training.learning_rate, 0),
        ("--momentum", config.training.momentum, 0),
        ("--weight-decay", config.training.weight_decay, 0),
        ("--checkpoint-minutes", config.run.checkpoint_minutes, 0),
        *(("--alpha", alpha, -math.inf) for alpha in config.regularizer.alpha),
    ):
        _check_finite(flag, value, lowest)
    _check_each_once("--alpha", config.regularizer.alpha)
    _check_each_once(
        "--regularized-layers", config.regularizer.regularized_layers, may_be_empty=True
    )
    _check_seeds(config.regularizer)
    run = config.run
    if run.curves == "tensorboard" and importlib.util.find_spec("tensorboardX") is None:
        raise ConfigurationError(
            "--curves tensorboard: needs tensorboardX; pip install tensorboardX, or take csv."
        )
    if run.coordinator not in (None, "auto"):
        if run.hosts is None or run.host is None or not 0 <= run.host < run.hosts:
            raise ConfigurationError(
                f"--coordinator {run.coordinator}: needs --hosts, the number of them, and --host, "
                f"from 0 up, not {run.hosts} and {run.host}; add both, or give auto."
            )
    elif run.hosts is not None or run.host is not None:
        given = " ".join(
            f"{flag} {value}"
            for flag, value in (("--hosts", run.hosts), ("--host", run.host))
            if value is not None
        )
        remedy = "add HOST:PORT of the first" if run.coordinator is None else "give HOST:PORT there"
        without = (
            "without a --coordinator" if run.coordinator is None else "with --coordinator auto"
        )
        raise ConfigurationError(f"{given}: no effect {without}; {remedy}, or omit it.")
    if config.training.batch_size % config.training.micro_batches:
        raise ConfigurationError(
            f"--micro-batches {config.training.micro_batches}: does not divide --batch-size "
            f"{config.training.batch_size}; give a divisor."
        )
    if config.regularizer.alpha_epochs is not None:
        first, last = config.regularizer.alpha_epochs
        if not 1 <= first <= last <= config.training.epochs:
            raise ConfigurationError(
                f"--alpha-epochs {first} {last}: give a first and a last epoch "
                f"between 1 and --epochs {config.training.epochs}."
            )


def _flag(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def check_evaluation(options: EvaluationOptions, named: Callable[[str], str] = _flag) -> None:
    """Refuses options of the measures that cannot be meant; for the command line and for Python.

    Args:
      options: what to measure.
      named: how a field of the options is named in the sentence; by default as a flag.

    Raises:
      ConfigurationError: one sentence that names the option, the value and the remedy.
    """
    from selectax.corruptions import CORRUPTIONS
    from selectax.datasets import SEVERITIES

    lists = ("measures", "epsilons", "severities", "pgd_steps")
    for field in lists if options.corruptions is None else (*lists, "corruptions"):
        values = getattr(options, field)
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise ConfigurationError(f"{named(field)} {values!r}: give a tuple of values.")
    for field, known, given in (
        ("measures", (*MEASURES, *MORE_MEASURES), options.measures),
        ("corruptions", CORRUPTIONS, options.corruptions or ()),
        ("norm", ("linf", "l2"), (options.norm,)),
        ("corrupted_images", ("auto", "official", "own"), (options.corrupted_images,)),
    ):
        for name in given:
            _check_name(named(field), name, known)
    for severity in options.severities:
        if severity not in SEVERITIES:
            sentence = f"{named('severities')} {severity}: give whole numbers from 1 to 5."
            raise ConfigurationError(sentence)
    for field in _COUNTS:
        _check_count(named(field), getattr(options, field))
    for steps in options.pgd_steps:
        _check_count(named("pgd_steps"), steps)
    for epsilon in options.epsilons:
        _check_finite(named("epsilons"), epsilon, 0)
    for field in lists:
        may_be_empty = field == "measures"
        _check_each_once(named(field), getattr(options, field), may_be_empty=may_be_empty)
    if options.corruptions is not None:
        _check_each_once(named("corruptions"), options.corruptions)


def check_used(
    options: EvaluationOptions, of_data_set: EvaluationOptions = EvaluationOptions()
) -> None:
    """Refuses flags that have no effect because what they belong to is not measured.

    Args:
      options: what to measure.
      of_data_set: the command's defaults for the data set, which nobody gave.

    Raises:
      ConfigurationError: one sentence that names the flag, the value and the remedy.
    """
    default = EvaluationOptions()
    for measures, fields in _USED_BY.items():
        for field in () if set(measures) & set(options.measures) else fields:
            value = getattr(options, field)
            if value not in (getattr(default, field), getattr(of_data_set, field)):
                given = spaced(value) if isinstance(value, tuple) else value
                raise ConfigurationError(
                    f"{_flag(field)} {given}: has no effect without --measures "
                    f"{' or '.join(measures)}; add it, or omit {_flag(field)}."
                )


def flags_without_effect(measures: Sequence[str]) -> set[str]:
    """The flags of measures other than these."""
    return {
        _flag(field)
        for users, fields in _USED_BY.items()
        if not set(users) & set(measures)
        for field in fields
    }


def resolve_corruptions(
    config: SweepConfig,
    *,
    official_at_hand: bool,
    at_hand: Sequence[str] = (),
) -> SweepConfig:
    """The same configuration with its corruptions, and which images they are, spelled out.

    Args:
      config: a configuration that `check` lets pass.
      official_at_hand: whether the official corrupted form of the data set can be had.
      at_hand: the corruptions that it holds, which may be a part; empty if that is not known.

    Raises:
      ConfigurationError: the official set does not exist, or lacks a corruption.
    """
    from selectax.corruptions import CORRUPTIONS
    from selectax.datasets import CORRUPTED, describe

    dataset, evaluation = config.data.dataset, config.evaluation
    which = evaluation.corrupted_images
    if which == "auto":
        which = "official" if official_at_hand else "own"
    known = describe(CORRUPTED[dataset]).corruptions if dataset in CORRUPTED else CORRUPTIONS
    by_default = known if dataset in CORRUPTED else _QUICK_CORRUPTIONS
    names = by_default if evaluation.corruptions is None else evaluation.corruptions
    if which == "official":
        if dataset not in CORRUPTED:
            raise ConfigurationError(
                f"--corrupted-images official: {dataset} has no official corrupted set; take own."
            )
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    f"--corruptions {name}: {CORRUPTED[dataset]} has none; name some of "
                    f"{', '.join(known)}, or add --corrupted-images own."
                )
            if at_hand and name not in at_hand:
                raise ConfigurationError(
                    f"--corruptions {name}: the {CORRUPTED[dataset]} at hand is a part without it; "
                    f"name some of {', '.join(at_hand)}, or add --corrupted-images own."
                )
    return dataclasses.replace(
        config,
        evaluation=dataclasses.replace(evaluation, corruptions=names, corrupted_images=which),
    )


def fallback(asked: SweepConfig, resolved: SweepConfig) -> str | None:
    """A sentence that says which corrupted images are used, if auto did not find the official ones.

    Args:
      asked: the configuration as given.
      resolved: the same by `resolve_corruptions`.
    """
    from selectax.datasets import CORRUPTED

    dataset, evaluation = asked.data.dataset, asked.evaluation
    fell_back = (
        "corruptions" in evaluation.measures
        and evaluation.corrupted_images == "auto"
        and resolved.evaluation.corrupted_images == "own"
        and dataset in CORRUPTED
    )
    if not fell_back:
        return None
    return (
        f"Corrupted images: our own corruptions of the test images of {dataset}, since "
        f"{CORRUPTED[dataset]} is neither prepared nor in --archives; --corrupted-images official "
        "downloads it, and own takes ours without this line."
    )


def check_layers(config: SweepConfig, layers: Sequence[str]) -> None:
    """Refuses names of regularized layers that the network does not have."""
    for name in config.regularizer.regularized_layers:
        _check_name("--regularized-layers", name, layers)


def to_json(config: SweepConfig) -> dict[str, Any]:
    """What determines the results, by flag, in types that JSON has."""
    flags: dict[str, Any] = {}
    for group in (config.data, config.training, config.regularizer, config.evaluation):
        flags |= dataclasses.asdict(group)
    for where_files_lie in ("archives", "data_dir"):
        del flags[where_files_lie]
    return {name: list(v) if isinstance(v, tuple) else v for name, v in flags.items()}


def _check_counts(config: SweepConfig) -> None:
    counts = {
        "--epochs": config.training.epochs,
        "--batch-size": config.training.batch_size,
        "--seeds": config.regularizer.seeds,
        "--train-limit": config.data.train_limit,
        "--micro-batches": config.training.micro_batches,
        "--models-at-a-time": config.run.models_at_a_time,
    }
    for flag, count in counts.items():
        _check_count(flag, count)


def _check_count(named: str, count: int | None) -> None:
    if count is not None and (not isinstance(count, numbers.Integral) or count < 1):
        raise ConfigurationError(f"{named} {count}: give a whole number of at least 1.")


def _check_finite(named: str, value: float, lowest: float) -> None:
    # Beyond the largest, float32 has infinity.
    if not abs(value) <= _LARGEST or value < lowest:
        at_least = "" if lowest < 0 else " of at least 0"
        to = f" up to {_LARGEST:.2g}" if _LARGEST < abs(value) < math.inf else ""
        raise ConfigurationError(f"{named} {value}: give a finite number{at_least}{to}.")


def _check_each_once(named: str, values: Sequence[Any], *, may_be_empty: bool = False) -> None:
    if len(set(values)) < len(values):
        raise ConfigurationError(f"{named} {spaced(values)}: give each value once.")
    if not values and not may_be_empty:
        raise ConfigurationError(f"{named} is empty: give at least one value.")


def _check_embedded(data: DataOptions) -> None:
    """Refuses options of a data set's files where it has none."""
    given = {
        f"--archives {data.archives}": data.archives is not None,
        f"--data-dir {data.data_dir}": data.data_dir is not None,
        "--allow-unverified-archives": data.allow_unverified_archives,
    }
    for flag, is_given in given.items():
        if is_given:
            raise ConfigurationError(
                f"{flag}: has no effect with --dataset digits, which is embedded; omit it, or "
                "name the data set."
            )


def _check_seeds(options: RegularizerOptions) -> None:
    if not 0 <= options.first_seed < 2**31:
        raise ConfigurationError(
            f"--first-seed {options.first_seed}: give a whole number from 0 to {2**31 - 1}."
        )
    if options.seed_numbers[-1] >= 2**31:
        raise ConfigurationError(
            f"--seeds {options.seeds}: with --first-seed {options.first_seed} they end above "
            f"{2**31 - 1}; give fewer, or a smaller first one."
        )


def _check_name(flag: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ConfigurationError(unknown(f"{flag} {name}", name, known))


def spaced(values: Iterable[Any]) -> str:
    """The values of a flag as they stand on a command line."""
    return " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
