"""Loads a network from a PyTorch file, and lists the assumptions about what it does not record."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from selectax import models
from selectax.datasets import describe
from selectax.models.network import Network, of_module
from selectax.models.networks import DEVIATION, MEAN
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.values import spaced
from selectax.study.measures.measure import Row

# An accuracy is near chance if it is at most this multiple of chance.
_NEAR_CHANCE = 2


class Foreign(NamedTuple):
    """A network loaded from a file.

    Attributes:
      network: functions of the network.
      variables: weights and batch statistics.
      assumptions: one sentence about the settings that the file does not record.
    """

    network: Network
    variables: Mapping[str, Any]
    assumptions: str


def check_has_effect(config: EvaluateConfig) -> None:
    """Checks for flags without effect: flags for training, and flags for a file if given a sweep.

    Raises:
      ConfigurationError: if a flag has no effect or an invalid value. The message names the flag.
    """
    for flag, limit in (
        ("--train-limit", config.data.train_limit),
        ("--validation-limit", config.data.validation_limit),
    ):
        if limit is not None:
            raise ConfigurationError(
                f"{flag} {limit}: has no effect where nothing is trained; omit it."
            )
    for flag, values in (("--mean", config.mean), ("--deviation", config.deviation)):
        if values is not None and not all(0 <= value <= 1 for value in values):
            raise ConfigurationError(
                f"{flag} {spaced(values)}: give numbers from 0 to 1; divide those of bytes by 255."
            )
    if not config.weights.is_dir():
        if config.training_strength is not None:
            raise ConfigurationError(
                f"--training-strength {config.training_strength:g}: has no effect with --weights "
                f"{config.weights}, which is not a sweep; omit it."
            )
        return
    given = {
        f"--model {config.model}": config.model is not None,
        f"--mean {spaced(config.mean or ())}": config.mean is not None,
        f"--deviation {spaced(config.deviation or ())}": config.deviation is not None,
        "--max-pool": config.max_pool,
        f"--class-order {config.class_order}": config.class_order != "official",
        f"--key {config.key}": config.key is not None,
    }
    for flag, is_given in given.items():
        if is_given:
            raise ConfigurationError(
                f"{flag}: has no effect with --weights {config.weights}, a sweep that knows its "
                "own networks; omit it."
            )


def read_foreign(config: EvaluateConfig, model: str, dataset: str) -> Foreign:
    """Reads the network from a file, with the assumptions made about it.

    Raises:
      ConfigurationError: if the network does not support a setting such as max_pool.
      selectax.models.pytorch.files.WeightsError: if the file has no weights of the network.
    """
    num_classes = describe(dataset).num_classes
    form: dict[str, Any] = {
        name: value
        for name, value in (
            ("mean", config.mean),
            ("deviation", config.deviation),
            ("max_pool", config.max_pool or None),
        )
        if value is not None
    }
    try:
        module = models.create(model, num_classes, **form)
    except ValueError as error:
        raise ConfigurationError(f"--model {model}: {error}") from None
    labels = _sorted_labels(dataset) if config.class_order == "sorted" else None
    variables = models.from_torch(config.weights, model, num_classes, key=config.key, labels=labels)
    assumptions = (
        f"{config.weights.name}: taken for {model}, images normalised by mean "
        f"{spaced(config.mean or MEAN)} and deviation "
        f"{spaced(config.deviation or DEVIATION)}, {'a' if config.max_pool else 'no'} max-pool "
        f"after the stem, classes in {config.class_order} order; change it with --mean, "
        "--deviation, --max-pool and --class-order."
    )
    return Foreign(of_module(module), variables, assumptions)


def warnings_of_chance(rows: Iterable[Row], num_classes: int) -> list[str]:
    """Returns a warning if the clean accuracy is near chance, as for a wrongly interpreted file."""
    (accuracy,) = [
        row["value"]
        for row in rows
        if row["metric"] == "accuracy" and not row.get("perturbation") and not row.get("layer")
    ] or [1.0]
    if accuracy > _NEAR_CHANCE / num_classes:
        return []
    return [
        f"accuracy {accuracy:.3g} is near chance, {1 / num_classes:.3g}: the file's network may "
        "have other normalisation, a max-pool or another order of classes; see --mean, "
        "--deviation, --max-pool and --class-order."
    ]


def _sorted_labels(dataset: str) -> list[int]:
    """Returns the class of each logit for a network trained on sorted class folders."""
    data_set = describe(dataset)
    names = data_set.folder_names or data_set.class_names
    return [names.index(name) for name in sorted(names)]
