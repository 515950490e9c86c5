"""Checks configurations before any work. Each error is one sentence."""

import importlib.util
import math
import numbers
import types
from collections.abc import Callable, Collection, Mapping, Sequence

from selectax.installing import TENSORBOARD
from selectax.study.configuration.config import SweepConfig, defaults_of
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.kinds import check_kinds
from selectax.study.configuration.method_checks import check_method
from selectax.study.configuration.options import (
    DataOptions,
    EvaluationOptions,
    RegularizerOptions,
    RunOptions,
)
from selectax.study.configuration.values import (
    check_count,
    check_each_once,
    check_finite,
    check_name,
    flag_of,
    spaced,
)
from selectax.study.measures.measure import Measure
from selectax.study.measures.registry import MEASURES, RESPONSE_MEASURES
from selectax.study.training.methods.method import TrainingMethod
from selectax.study.training.methods.registry import TRAINING_METHODS

NOTHING: Mapping[str, Collection[str]] = types.MappingProxyType({})
_COUNTS = (
    *("evaluation_images", "attack_images", "evaluation_batch_size", "pgd_restarts"),
    *("input_gradient_directions", "ablation_points"),
)


def check(
    config: SweepConfig,
    *,
    own_names: Mapping[str, Collection[str]] = NOTHING,
    measures: Mapping[str, Measure] = MEASURES,
    methods: Mapping[str, TrainingMethod] = TRAINING_METHODS,
) -> None:
    """Checks the configuration of a sweep before any work.

    Args:
      config: configuration of the sweep.
      own_names: valid names in addition to those of our tables, by field.
      measures: the available measures, from which `--measures` selects.
      methods: the available training methods, from which `--training-method` selects.

    Raises:
      ConfigurationError: if a value is invalid. The message names the flag, the value and the
        remedy.
    """
    # Imported here because they load JAX and Flax.
    from selectax.datasets import DATASETS
    from selectax.models import MODELS

    check_kinds(config)
    check_name("--dataset", config.data.dataset, (*DATASETS, *own_names.get("dataset", ())))
    if config.data.dataset in DATASETS and DATASETS[config.data.dataset].is_embedded:
        _check_embedded(config.data)
    check_name("--model", config.training.model, (*MODELS, *own_names.get("model", ())))
    check_evaluation(config.evaluation, measures=measures, own_names=own_names)
    check_used(config.evaluation, defaults_of(config.data.dataset).evaluation, measures)
    check_method(config.method, methods)
    _check_counts(config)
    for flag, value, lowest in (
        ("--learning-rate", config.training.learning_rate, 0),
        ("--warmup-epochs", config.training.warmup_epochs, 0),
        ("--alpha-warmup-epochs", config.regularizer.alpha_warmup_epochs, 0),
        ("--momentum", config.training.momentum, 0),
        ("--weight-decay", config.training.weight_decay, 0),
        ("--checkpoint-minutes", config.run.checkpoint_minutes, 0),
        *(("--alpha", alpha, -math.inf) for alpha in config.regularizer.alpha),
    ):
        check_finite(flag, value, lowest)
    check_each_once("--alpha", config.regularizer.alpha)
    check_each_once(
        "--regularized-layers", config.regularizer.regularized_layers, may_be_empty=True
    )
    _check_seeds(config.regularizer)
    run = config.run
    if run.curves == "tensorboard" and importlib.util.find_spec("tensorboardX") is None:
        raise ConfigurationError(
            f"--curves tensorboard: needs tensorboardX; {TENSORBOARD}, or choose csv."
        )
    _check_hosts(run)
    if config.training.batch_size % config.training.micro_batches:
        raise ConfigurationError(
            f"--micro-batches {config.training.micro_batches}: does not divide --batch-size "
            f"{config.training.batch_size}; give a divisor."
        )
    _check_epochs(config)


def _check_epochs(config: SweepConfig) -> None:
    """Checks the epochs of the regularizer and of the warm-ups against the number of epochs."""
    epochs = config.training.epochs
    first, last = config.regularizer.alpha_epochs or (1, epochs)
    if not 1 <= first <= last <= epochs:
        raise ConfigurationError(
            f"--alpha-epochs {first} {last}: give a first and a last epoch "
            f"between 1 and --epochs {epochs}."
        )
    for flag, warmup, available, limit in (
        ("--warmup-epochs", config.training.warmup_epochs, epochs, f"--epochs {epochs}"),
        (
            "--alpha-warmup-epochs",
            config.regularizer.alpha_warmup_epochs,
            last - first + 1,
            f"the {last - first + 1} epochs of the regularizer",
        ),
    ):
        if warmup > available:
            raise ConfigurationError(f"{flag} {warmup:g}: give at most {limit}.")


def check_evaluation(
    options: EvaluationOptions,
    named: Callable[[str], str] = flag_of,
    measures: Mapping[str, Measure] = MEASURES,
    own_names: Mapping[str, Collection[str]] = NOTHING,
) -> None:
    """Checks the options of the measures, for the command line and for Python.

    Args:
      options: options whose kinds `check_kinds` has checked.
      named: maps a field of the options to its name in the error message; a flag by default.
      measures: the available measures, from which `options.measures` selects.
      own_names: valid names in addition to those of our tables, by field.

    Raises:
      ConfigurationError: if a value is invalid. The message names the option, the value and the
        remedy.
    """
    from selectax.attacks import ATTACKS
    from selectax.corruptions import CORRUPTIONS
    from selectax.datasets import SEVERITIES

    lists = ("measures", "attacks", "epsilons", "severities", "pgd_steps")
    for field, known, given in (
        ("measures", tuple(measures), options.measures),
        (
            "corruptions",
            (*CORRUPTIONS, *own_names.get("corruptions", ())),
            options.corruptions or (),
        ),
        ("attacks", (*ATTACKS, *own_names.get("attacks", ())), options.attacks),
    ):
        for name in given:
            check_name(named(field), name, known)
    for severity in options.severities:
        if severity not in SEVERITIES:
            sentence = f"{named('severities')} {severity}: give whole numbers from 1 to 5."
            raise ConfigurationError(sentence)
    for field in _COUNTS:
        check_count(named(field), getattr(options, field))
    for steps in options.pgd_steps:
        check_count(named("pgd_steps"), steps)
    for epsilon in options.epsilons:
        check_finite(named("epsilons"), epsilon, 0)
    if options.response_epsilons is not None:
        check_each_once(named("response_epsilons"), options.response_epsilons, may_be_empty=True)
    for epsilon in options.response_epsilons or ():
        if epsilon not in options.epsilons:
            raise ConfigurationError(
                f"{named('response_epsilons')} {epsilon:g}: not an epsilon of the attacks; give "
                f"some of {spaced(options.epsilons)}."
            )
    for field in lists:
        may_be_empty = field == "measures"
        check_each_once(named(field), getattr(options, field), may_be_empty=may_be_empty)
    if options.corruptions is not None:
        check_each_once(named("corruptions"), options.corruptions)


def check_used(
    options: EvaluationOptions,
    of_data_set: EvaluationOptions = EvaluationOptions(),
    measures: Mapping[str, Measure] = MEASURES,
) -> None:
    """Checks for flags that have no effect with the requested measures.

    Args:
      options: options to check.
      of_data_set: defaults for the data set. These values do not count as given by the user.
      measures: the available measures, from which `options.measures` selects.

    Raises:
      ConfigurationError: if a flag has no effect. The message names the flag, the value and the
        remedy.
    """
    default = EvaluationOptions()
    for field, users in _users(measures).items():
        value = getattr(options, field)
        given = value not in (getattr(default, field), getattr(of_data_set, field))
        if given and (missing := _missing(field, users, options.measures)):
            text = spaced(value) if isinstance(value, tuple) else value
            raise ConfigurationError(
                f"{f'{flag_of(field)} {text}'.rstrip()}: has no effect without --measures "
                f"{' or '.join(missing)}; add it, or omit {flag_of(field)}."
            )


def flags_without_effect(measures: Sequence[str]) -> set[str]:
    """Returns the flags that have no effect with the given measures."""
    return {
        flag_of(field)
        for field, users in _users(MEASURES).items()
        if _missing(field, users, measures)
    }


def _missing(field: str, users: Sequence[str], asked_for: Sequence[str]) -> Sequence[str]:
    """Returns measures of which an option needs one to have an effect; none if it has an effect."""
    groups = [users, RESPONSE_MEASURES] if field == "response_epsilons" else [users]
    return next((group for group in groups if not set(group) & set(asked_for)), ())


def _users(measures: Mapping[str, Measure]) -> dict[str, list[str]]:
    """Returns the measures that use each option. Options that all measures use are not included."""
    users: dict[str, list[str]] = {}
    for measure in measures.values():
        for field in measure.options:
            users.setdefault(field, []).append(measure.name)
    return users


def _check_hosts(run: RunOptions) -> None:
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


def _check_counts(config: SweepConfig) -> None:
    counts = {
        "--epochs": config.training.epochs,
        "--batch-size": config.training.batch_size,
        "--seeds": config.regularizer.seeds,
        "--train-limit": config.data.train_limit,
        "--validation-limit": config.data.validation_limit,
        "--micro-batches": config.training.micro_batches,
        "--models-at-a-time": config.run.models_at_a_time,
    }
    for flag, count in counts.items():
        check_count(flag, count)


def _check_embedded(data: DataOptions) -> None:
    """Checks that no option for data files is given for a data set without files."""
    given = {
        f"--archives {data.archives}": data.archives is not None,
        f"--data-dir {data.data_dir}": data.data_dir is not None,
        "--allow-unverified-archives": data.allow_unverified_archives,
    }
    for flag, is_given in given.items():
        if is_given:
            raise ConfigurationError(
                f"{flag}: has no effect with --dataset {data.dataset}, which is embedded; omit "
                "it, or name another data set."
            )


def _check_seeds(options: RegularizerOptions) -> None:
    first = options.first_seed
    if not isinstance(first, numbers.Integral) or not 0 <= first < 2**31:
        raise ConfigurationError(
            f"--first-seed {options.first_seed}: give a whole number from 0 to {2**31 - 1}."
        )
    if options.seed_numbers[-1] >= 2**31:
        raise ConfigurationError(
            f"--seeds {options.seeds}: with --first-seed {options.first_seed} they end above "
            f"{2**31 - 1}; give fewer, or a smaller first one."
        )
