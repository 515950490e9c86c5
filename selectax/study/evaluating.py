"""The full table of measurements for one network whose weights are at hand."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from selectax import models
from selectax.datasets import describe
from selectax.models.torch_files import WeightsError
from selectax.study import results
from selectax.study.checkpoints import open_checkpoints
from selectax.study.config import (
    ConfigurationError,
    SweepConfig,
    TrainingOptions,
    check,
    resolve_corruptions,
)
from selectax.study.corrupted_sets import is_at_hand
from selectax.study.data import load_evaluation_images, where_data_lie
from selectax.study.evaluate_config import EvaluateConfig
from selectax.study.folder import RunFolder
from selectax.study.jobs import Network, read_groups
from selectax.study.measurement import measure_network
from selectax.study.progress import Log

_UNKNOWN_EPOCH = 0


def evaluate(config: EvaluateConfig, console: Console) -> pd.DataFrame:
    """Measures the network and writes the table.

    Args:
      config: what to do.
      console: where warnings are shown.

    Raises:
      ConfigurationError: the configuration cannot be meant, or the sweep has no such network.
      selectax.models.torch_files.WeightsError: the file holds no weights of that network.
      selectax.datasets.DataError: the data cannot be had.
    """
    model, dataset = config.model, config.data.dataset
    if config.weights.is_dir():
        model, dataset = _of_sweep(config.weights)
    data = dataclasses.replace(config.data, dataset=dataset)
    sweep = SweepConfig(data, TrainingOptions(model=model), evaluation=config.evaluation)
    check(sweep)
    at_hand = is_at_hand(dataset, **where_data_lie(data))
    evaluation = resolve_corruptions(sweep, official_at_hand=at_hand).evaluation
    if not config.results.parent.is_dir():
        # Before hours of measuring.
        raise ConfigurationError(
            f"--output {config.results}: {config.results.parent} is no folder; make it, or name "
            "another file."
        )
    num_classes = describe(dataset).num_classes
    if config.weights.is_dir():
        epoch, variables = _trained_here(config)
    elif not config.weights.is_file():
        raise WeightsError(f"--weights {config.weights}: no such file or folder; name another.")
    else:
        epoch, variables = _UNKNOWN_EPOCH, models.from_torch(config.weights, model, num_classes)
    measured = measure_network(
        config.seed,
        variables,
        load_evaluation_images(data, evaluation),
        evaluation,
        module=models.create(model, num_classes),
        num_classes=num_classes,
    )
    log = Log(console, config.log)
    for warning in measured.warnings:
        log.warn(warning)
    alpha = math.nan if config.alpha is None else config.alpha
    whose = {"dataset": dataset, "model": model, "alpha": alpha, "seed": config.seed}
    table = results.table([{**whose, "epoch": epoch, **row} for row in measured.rows])
    results.save(config.results, table)
    results.save(config.results.with_suffix(".parquet"), table)
    return table


def _of_sweep(folder: Path) -> tuple[str, str]:
    """Its model and data set."""
    try:
        flags = json.loads(RunFolder(folder).config.read_text())
        return flags["model"], flags["dataset"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"--weights {folder}: holds no config.json of a sweep; name a sweep's folder or a file."
        ) from None


def _trained_here(config: EvaluateConfig) -> tuple[int, dict[str, Any]]:
    """Best epoch of a sweep's network, and its variables after it."""
    folder = RunFolder(config.weights)
    wanted = (config.alpha, config.seed)
    known: list[Network] = []
    for number, group in enumerate(read_groups(folder)):
        known += group
        if wanted in group and folder.checkpoints(number).is_dir():
            with open_checkpoints(folder.checkpoints(number)) as checkpoints:
                population = checkpoints.restore_as_it_is()
            if population is not None:
                take = [tuple(network) for network in group].index(wanted)
                epoch = int(population["best_epoch"][take])
                return epoch, _taken(population["best_variables"], take)
    if not known or wanted in known:
        raise ConfigurationError(
            f"--weights {config.weights}: holds no checkpoint yet; train for an epoch first."
        )
    alphas = " ".join(f"{alpha:g}" for alpha in sorted({network.alpha for network in known}))
    raise ConfigurationError(
        f"--alpha {config.alpha} --seed {config.seed}: no network of this sweep; its alphas "
        f"are {alphas}, its seeds 0 to {max(network.seed for network in known)}."
    )


def _taken(tree: dict[str, Any], at: int) -> dict[str, Any]:
    return {
        name: _taken(leaf, at) if isinstance(leaf, dict) else leaf[at]
        for name, leaf in tree.items()
    }
