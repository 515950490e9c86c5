"""Measures trained networks and writes the results table."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pandas as pd
from rich.console import Console

from selectax import models
from selectax.datasets import describe
from selectax.datasets.corrupted_sets import corruptions_at_hand
from selectax.models.network import Network, of_module
from selectax.models.pytorch.files import WeightsError
from selectax.study.components import units_of
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.corrupted_images import fallback, resolve_corruptions
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.kinds import check_kinds
from selectax.study.configuration.options import EvaluationOptions, TrainingOptions
from selectax.study.data import load_evaluation_images, where_data_lie
from selectax.study.evaluation.foreign_weights import (
    check_has_effect,
    read_foreign,
    warnings_of_chance,
)
from selectax.study.evaluation.table import (
    alone_with,
    begin_table,
    check_epoch,
    check_weights,
    digest_of,
    recorded_weights,
    what_determines,
    write_record,
)
from selectax.study.measures.measure import Row
from selectax.study.measures.measurement import is_left, measure_one_by_one, measures_of
from selectax.study.measures.subject import EvaluationImages, Subject, count
from selectax.study.run import results
from selectax.study.run.checkpoints import open_checkpoints
from selectax.study.run.folder import RunFolder
from selectax.study.run.networks import UNKNOWN_ALPHA, NetworkId, Progress, read_groups
from selectax.study.run.table_file import growing_table
from selectax.study.runtime.progress import Log, stage

_UNKNOWN_EPOCH = 0
_USUAL_MODEL = "resnet20"


class _Trained(NamedTuple):
    """A network, its best epoch, its variables after that epoch, and the digest of these.

    The epoch is 0 for the initial weights of a sweep's network, and for a network from a file,
    whose epoch is not known. The settings of a file's table have the digest of the file instead.
    """

    network: NetworkId
    epoch: int
    variables: Mapping[str, Any]
    digest: str | None = None


def evaluate(config: EvaluateConfig, console: Console | None = None) -> pd.DataFrame:
    """Measures one network or those of a sweep, and adds results to the table as they come.

    An interrupted evaluation continues after the last measure in the table.

    Args:
      config: configuration of the evaluation.
      console: console for warnings and progress; stderr by default.

    Raises:
      ConfigurationError: if the configuration is invalid, or the sweep has no such network.
      selectax.models.pytorch.files.WeightsError: if the file has no weights of that network.
      selectax.datasets.DataError: if the data set cannot be loaded.
    """
    check_kinds(config)
    check_has_effect(config)
    model, dataset = config.model or _USUAL_MODEL, config.data.dataset
    if config.weights.is_dir():
        model, dataset = _of_sweep(config.weights)
    data = dataclasses.replace(config.data, dataset=dataset)
    sweep = SweepConfig(data, TrainingOptions(model=model), evaluation=config.evaluation)
    check(sweep)
    log = Log(console or Console(stderr=True), config.log)
    if not config.results.parent.is_dir():
        # Check this now, not after hours of measuring.
        raise ConfigurationError(
            f"--output {config.results}: {config.results.parent} is no folder; make it, or name "
            "another file."
        )
    with alone_with(config.results, log.warn):
        return _evaluate(config, sweep, log)


def _evaluate(config: EvaluateConfig, sweep: SweepConfig, log: Log) -> pd.DataFrame:
    """Evaluates with a checked configuration, whose data and measures are those of `sweep`."""
    data, model, dataset = sweep.data, sweep.training.model, sweep.data.dataset
    at_hand = corruptions_at_hand(dataset, **where_data_lie(data))
    resolved = resolve_corruptions(sweep, official_at_hand=bool(at_hand), at_hand=at_hand)
    evaluation = resolved.evaluation
    network, networks = _networks(config, model, dataset, log)
    units_of(model, network, describe(dataset))
    images = load_evaluation_images(data, evaluation)
    determines = what_determines(config, model, dataset, evaluation, count(images.test))
    table, record = begin_table(config.results, determines)
    weights = recorded_weights(config.results)
    for trained in networks:
        check_epoch(config.results, table, trained.network, trained.epoch)
        if trained.digest is not None:
            if trained.network in record:
                check_weights(config.results, weights, trained.network, trained.digest)
            weights[trained.network] = trained.digest
    if (sentence := fallback(sweep, resolved)) is not None:
        log.warn(sentence)
    named = {"dataset": dataset, "model": model}

    def keep_record():
        write_record(config.results, determines, record, weights)

    with growing_table(config.results, table, after=keep_record) as growing:
        _measure_left(
            config, networks, images, evaluation, network, named, record, growing.add, log
        )
    table = growing.table
    results.save(config.results.with_suffix(".parquet"), table)
    return table


def _networks(
    config: EvaluateConfig, model: str, dataset: str, log: Log
) -> tuple[Network, list[_Trained]]:
    """Returns the network's functions, and the trained networks of a sweep or of a file."""
    if config.weights.is_dir():
        networks = _with_an_epoch(config, list(_trained_here(config)), log)
        return of_module(models.create(model, describe(dataset).num_classes)), networks
    if not config.weights.is_file():
        raise WeightsError(f"--weights {config.weights}: no such file or folder; name another.")
    foreign = read_foreign(config, model, dataset)
    if not config.log.quiet:
        log.warn(foreign.assumptions)
    whose = NetworkId(UNKNOWN_ALPHA if config.alpha is None else config.alpha, config.seed or 0)
    return foreign.network, [_Trained(whose, _UNKNOWN_EPOCH, foreign.variables)]


def _with_an_epoch(config: EvaluateConfig, networks: list[_Trained], log: Log) -> list[_Trained]:
    """Returns the networks of a sweep that have a best epoch; the others have initial weights.

    Raises:
      ConfigurationError: none has.
    """
    if not networks:
        raise ConfigurationError(
            f"--weights {config.weights}: holds no checkpoint yet; train for an epoch first."
        )
    trained = [one for one in networks if one.epoch]
    if not trained:
        raise ConfigurationError(
            f"--weights {config.weights}: no network that is asked for was trained for a whole "
            "epoch yet; resume the sweep first."
        )
    if left_out := [one.network for one in networks if not one.epoch]:
        others = len(left_out) - 1
        which = f"s {left_out[0]} and {others} more are" if others else f" {left_out[0]} is"
        log.warn(
            f"--weights {config.weights}: the network{which} left out, not trained for a whole "
            "epoch yet; resume the sweep."
        )
    return trained


def _measure_left(
    config: EvaluateConfig,
    networks: Sequence[_Trained],
    images: EvaluationImages,
    evaluation: EvaluationOptions,
    functions: Network,
    named: Mapping[str, str],
    record: dict[NetworkId, Progress],
    add: Callable[[Iterable[Row]], None],
    log: Log,
) -> None:
    """Runs the measures that each network lacks, and adds rows and the record as they come."""
    measures = measures_of(evaluation.measures)
    held = [record.get(trained.network, Progress()).measures for trained in networks]
    left = [
        (trained, already)
        for trained, already in zip(networks, held, strict=True)
        if is_left(measures, already)
    ]
    num_classes = describe(named["dataset"]).num_classes
    is_sweep, done = config.weights.is_dir(), len(networks) - len(left)
    with stage(
        log, "Evaluated network", total=len(networks), done=done, event="network"
    ) as progress:
        for (whose, epoch, variables, _), already in left:
            subject = Subject(whose.seed, functions, variables, images, evaluation, num_classes)
            for measured in measure_one_by_one(subject, measures, already=already):
                of_network = {**named, **whose._asdict(), "epoch": epoch}
                done_so_far = record.get(whose, Progress())
                record[whose] = done_so_far.with_measure(measured.measure, len(measured.rows))
                add([{**of_network, **row} for row in measured.rows])
                of_chance = () if is_sweep else warnings_of_chance(measured.rows, num_classes)
                for warning in (*measured.warnings, *of_chance):
                    log.warn(warning)
            news = str(whose) if is_sweep else ""
            progress.advance(news, count(images.test), **whose._asdict())


def _of_sweep(folder: Path) -> tuple[str, str]:
    """Reads the names of a sweep's model and data set."""
    try:
        flags = json.loads(RunFolder(folder).config.read_text())
        return flags["model"], flags["dataset"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"--weights {folder}: holds no config.json of a sweep; name a sweep's folder or a file."
        ) from None


def _trained_here(config: EvaluateConfig) -> Iterator[_Trained]:
    """Yields the requested networks of a sweep, in the order of its groups."""
    folder, groups = RunFolder(config.weights), read_groups(RunFolder(config.weights))
    known = [network for group in groups for network in group]
    given = {
        "--alpha": config.alpha,
        "--seed": config.seed,
        "--training-strength": config.training_strength,
    }
    wanted = [
        network
        for network in known
        if config.alpha in (None, network.alpha)
        and config.seed in (None, network.seed)
        and config.training_strength in (None, network.training_strength)
    ]
    if known and not wanted:
        alphas = " ".join(f"{alpha:g}" for alpha in sorted({network.alpha for network in known}))
        seeds = [network.seed for network in known]
        of_strength = "".join(
            f", its strengths of {method} training {strengths}"
            for method, strengths in _strengths(known).items()
        )
        flags = " ".join(f"{flag} {value}" for flag, value in given.items() if value is not None)
        raise ConfigurationError(
            f"{flags}: no network of this sweep; its alphas are {alphas}, its seeds {min(seeds)} "
            f"to {max(seeds)}{of_strength}."
        )
    for number, group in enumerate(groups):
        if not set(wanted) & set(group) or not folder.checkpoints(number).is_dir():
            continue
        with open_checkpoints(folder.checkpoints(number)) as checkpoints:
            population = checkpoints.restore_as_it_is()
        if population is not None:
            for at, network in enumerate(group):
                if network in wanted:
                    epoch = int(population["best_epoch"][at])
                    best = _taken(population["best_variables"], at)
                    yield _Trained(network, epoch, jax.tree.map(jnp.asarray, best), digest_of(best))


def _strengths(networks: Sequence[NetworkId]) -> dict[str, str]:
    """Strengths of each training method other than standard training, separated by spaces."""
    of_method: dict[str, set[float]] = {}
    for network in networks:
        if network.training != "standard":
            of_method.setdefault(network.training, set()).add(network.training_strength)
    return {
        method: " ".join(f"{strength:g}" for strength in sorted(strengths))
        for method, strengths in of_method.items()
    }


def _taken(tree: dict[str, Any], at: int) -> dict[str, Any]:
    return {
        name: _taken(leaf, at) if isinstance(leaf, dict) else leaf[at]
        for name, leaf in tree.items()
    }
