"""The whole sweep: data, training, evaluation, results table, figures.

This is the shell around pure functions: the files, the clock and the console are here.
"""

import contextlib
import dataclasses
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from rich.console import Console

from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig, to_json
from selectax.study.configuration.corrupted_images import fallback
from selectax.study.data import Data, load_data
from selectax.study.measures.measurement import Measured, measure_in_parts, parts_of
from selectax.study.measures.rows import Row, count
from selectax.study.plan import Plan, fresh, make_plan, models_at_a_time, table_so_far
from selectax.study.presentation import has_images, network_to_show, present
from selectax.study.report.findings import Finding
from selectax.study.run import results
from selectax.study.run.checkpoints import Checkpoints, open_checkpoints
from selectax.study.run.curves import open_curves
from selectax.study.run.folder import alone_in, check_images, holds_run, write_json
from selectax.study.run.networks import Network, wanted_groups, write_groups
from selectax.study.run.table_file import growing_table
from selectax.study.runtime.devices import spread_networks
from selectax.study.runtime.hosts import from_all, is_first, largest, wait_for_all
from selectax.study.runtime.progress import Log, stage
from selectax.study.runtime.signals import Stopped, remembered_signals
from selectax.study.runtime.waiting import fetch
from selectax.study.training.inputs import steps_of_epoch
from selectax.study.training.loss import Metrics
from selectax.study.training.population import Population, best_of, end_epoch


class Outcome(NamedTuple):
    """What a sweep leaves behind.

    Attributes:
      table: the results.
      results: where they are.
      figures: the figures' PNG files, each of which has its PDF beside it; none on a host that is
        not the first.
      report: where all is on one page.
      findings: the papers' findings with their verdicts; none on a host that is not the first.
    """

    table: pd.DataFrame
    results: Path
    figures: list[Path]
    report: Path
    findings: Sequence[Finding] = ()


def run(config: SweepConfig, console: Console) -> Outcome:
    """Trains and evaluates every network that is not in the run's folder yet, and draws figures.

    Args:
      config: what to do.
      console: where progress is shown.

    Raises:
      ConfigurationError: the configuration cannot be meant, or does not fit the data or the folder.
      selectax.datasets.archives.archive.DataError: the data cannot be had.
      selectax.study.run.checkpoints.CheckpointError: a checkpoint cannot be written.
      selectax.study.runtime.signals.Stopped: a signal came; training left a checkpoint.
    """
    check(config)
    if not is_first():
        console = Console(quiet=True)
    log = Log(console, config.log)
    with alone_in(config.output, log.warn) if is_first() else contextlib.nullcontext():
        return _run(config, log)


def _run(config: SweepConfig, log: Log) -> Outcome:
    plan = make_plan(config)
    folder, wanted, groups = plan.folder, plan.wanted, plan.groups
    table = table_so_far(folder)
    data = load_data(plan.config, plan.mesh)
    check_images(folder, data.counts)
    if (sentence := fallback(config, plan.config)) is not None:
        log.warn(sentence)
    if config.run.resume and not holds_run(config.output):
        log.warn(f"--resume: there is no run in {config.output} yet; starting one.")
    # Until here all hosts read the folder as it was.
    wait_for_all("planned")
    if is_first():
        write_json(folder.config, to_json(_with_all_networks(plan.config, groups)))
        write_groups(folder, groups)
        write_json(folder.layers, dict(plan.units))
        write_json(folder.images, data.counts)
    shown = None
    for number, group in wanted_groups(groups, wanted):
        asked_for = [network for network in group if network in wanted]
        if not folder.checkpoints(number).is_dir() and not _left(plan, asked_for, table):
            continue  # The table was kept, and is whole; the checkpoints were not.
        population = _train(plan, number, group, data, log)
        table = _evaluate(plan, group, asked_for, population, data, table, log)
        if has_images(plan.config.evaluation):
            shown = network_to_show(shown, group, asked_for, population, table)
    paths: list[Path] = []
    findings: Sequence[Finding] = ()
    if is_first():
        for path in (folder.results, folder.results_in_parquet):
            results.save(path, table)
        paths, findings = present(plan, table, data.evaluation, shown)
    return Outcome(table, folder.results, paths, folder.report, findings)


def _with_all_networks(config: SweepConfig, groups: Sequence[Sequence[Network]]) -> SweepConfig:
    """The configuration with the alphas and seeds of earlier runs in the folder, too."""
    networks = [network for group in groups for network in group]
    seeds = [network.seed for network in networks]
    regularizer = dataclasses.replace(
        config.regularizer,
        alpha=tuple(dict.fromkeys(network.alpha for network in networks)),
        seeds=1 + max(seeds) - min(seeds),
        first_seed=min(seeds),
    )
    return dataclasses.replace(config, regularizer=regularizer)


def _train(plan: Plan, number: int, group: Sequence[Network], data: Data, log: Log) -> Population:
    """Trains a group from its last checkpoint on, and writes one after each epoch."""
    recipe, mesh = plan.recipe, plan.mesh
    steps = data.training.samples // recipe.batch_size
    population = spread_networks(fresh(plan, group), mesh)
    at_a_time = models_at_a_time(plan, len(group))
    options: dict[str, Any] = {"recipe": recipe, "models_at_a_time": at_a_time, "mesh": mesh}

    with (
        open_checkpoints(plan.folder.checkpoints(number), log.warn) as checkpoints,
        remembered_signals(log.warn) as signalled,
    ):
        done, population = checkpoints.restore(population)
        saved = time.monotonic()
        title, begun = f"Training {len(group)} networks, epoch", done // steps
        kind = plan.config.run.curves if is_first() and begun < recipe.epochs else "none"
        with (
            stage(
                log,
                title,
                total=recipe.epochs,
                done=begun,
                event="epoch",
                networks=len(group),
            ) as progress,
            open_curves(kind, plan.folder, group, begun) as draw,
        ):
            for epoch in range(begun, recipe.epochs):
                pieces = steps_of_epoch(population, data.training, done, **options)
                for done, population in pieces:
                    minutes = (time.monotonic() - saved) / 60
                    overdue = minutes > plan.config.run.checkpoint_minutes
                    signal_number, save_now = largest(signalled(), int(overdue))
                    # The epoch's last step belongs to the checkpoint after its validation.
                    if (signal_number or save_now) and done < (epoch + 1) * steps:
                        checkpoints.save(done, population)
                        saved = time.monotonic()
                        _stop_if(signal_number, checkpoints)
                population, accuracies = end_epoch(
                    population, data.validation, epoch, steps=steps, **options
                )
                history, accuracies = fetch((population.history, accuracies))
                curves = {
                    "loss": history.loss[:, epoch],
                    "accuracy": history.accuracy[:, epoch],
                    "validation_accuracy": accuracies,
                    "selectivity": history.selectivity[:, epoch],
                }
                # Before the checkpoint, which says up to where they are to be believed.
                draw(epoch + 1, curves)
                checkpoints.save(done, population)
                saved = time.monotonic()
                means = {name: _mean(values) for name, values in curves.items()}
                progress.advance(
                    "  ".join(
                        f"{name.removesuffix('_accuracy')} {mean:.3f}"
                        for name, mean in means.items()
                    ),
                    len(group) * steps * recipe.batch_size,
                    **means,
                )
                (signal_number,) = largest(signalled())
                _stop_if(signal_number, checkpoints)
        checkpoints.finish()
    return population


def _mean(values: np.ndarray) -> float:
    """Over the networks that have not diverged."""
    finite = values[np.isfinite(values)]
    return finite.mean() if len(finite) else np.nan


def _stop_if(signal_number: int, checkpoints: Checkpoints) -> None:
    if signal_number:
        checkpoints.finish()
        raise Stopped(signal_number)


def _evaluate(
    plan: Plan,
    group: Sequence[Network],
    asked_for: Sequence[Network],
    population: Population,
    data: Data,
    table: pd.DataFrame,
    log: Log,
) -> pd.DataFrame:
    """Adds the rows of each network that are not there yet to the results table.

    Several hosts measure as many networks at a time, one each, and the first writes the rows.
    """
    left = _left(plan, asked_for, table)
    hosts, title = jax.process_count(), "Evaluating network"
    done = len(asked_for) - len(left)
    path = plan.folder.results if is_first() else None
    with (
        stage(log, title, total=len(asked_for), done=done, event="network") as progress,
        growing_table(path, table) as growing,
    ):
        for at_once in _batched(list(left), hosts):
            rows = []
            for host, network in enumerate(at_once):
                at = group.index(network)
                # Of all hosts, for each holds a part of it.
                trained = fetch(best_of(population, at))
                if host == jax.process_index():
                    history, epoch, variables = trained
                    for new in _measure(
                        plan, network, history, epoch, variables, left[network], data, log
                    ):
                        rows += new
                        if hosts == 1:
                            growing.add(new)
            if hosts > 1:
                rows = from_all(rows)
                growing.add(rows)
            for network in at_once:
                figures = _figures_of(network, rows)
                progress.advance(
                    _news(network, figures),
                    count(data.evaluation.test),
                    **network._asdict(),
                    **figures,
                )
    return growing.table


def _left(
    plan: Plan, asked_for: Sequence[Network], table: pd.DataFrame
) -> dict[Network, Collection[str]]:
    """Networks of which something is to be measured yet, and what was measured of each."""
    parts = set(parts_of(plan.config.evaluation.measures))
    measured = {network: results.parts_measured(table, *network) for network in asked_for}
    return {
        network: already
        for network, already in measured.items()
        if not parts <= already and "diverged" not in already
    }


def _measure(
    plan: Plan,
    network: Network,
    history: Metrics,
    best_epoch: np.ndarray,
    variables: Mapping[str, Any],
    already: Collection[str],
    data: Data,
    log: Log,
) -> Iterator[list[Row]]:
    """The rows of one network, measure by measure."""
    config = plan.config
    whose = {
        "dataset": config.data.dataset,
        "model": config.training.model,
        **network._asdict(),
    }
    name = f"alpha {network.alpha:g} seed {network.seed}"
    begin = [] if "training" in already else _training_rows(history)
    diverged = np.flatnonzero(~np.isfinite(history.loss))
    if len(diverged):
        first = int(diverged[0]) + 1
        log.warn(
            f"{name}: diverged in epoch {first}, and is not measured; a lower --learning-rate or "
            "a weaker --alpha may help."
        )
        parts: Iterable[Measured] = [
            Measured([{"metric": "diverged", "epoch": first, "value": 1}], ())
        ]
    else:
        parts = measure_in_parts(
            network.seed,
            variables,
            data.evaluation,
            config.evaluation,
            module=plan.module,
            num_classes=plan.recipe.num_classes,
            already=already,
        )
    for part in parts:
        rows = [{"epoch": int(best_epoch), **row} for row in part.rows]
        yield [{**whose, **row} for row in begin + rows]
        begin = []
        for warning in part.warnings:
            log.warn(f"{name}: {warning}")


def _batched(networks: Sequence[Network], size: int) -> Iterator[Sequence[Network]]:
    # Python 3.11 has no itertools.batched.
    return (networks[at : at + size] for at in range(0, len(networks), size))


def _training_rows(history: Metrics) -> list[dict]:
    return [
        {"epoch": epoch, "metric": metric, "value": value}
        for metric, values in (
            ("train_loss", history.loss),
            ("train_accuracy", history.accuracy),
        )
        for epoch, value in enumerate(values, start=1)
    ]


def _figures_of(network: Network, rows: Sequence[Row]) -> dict[str, float]:
    """Clean accuracy and selectivity of the whole network, if the rows have them."""
    of_network = {
        row["metric"]: row["value"]
        for row in rows
        if (row["alpha"], row["seed"]) == network
        and "layer" not in row
        and "perturbation" not in row
    }
    return {
        word: of_network[metric]
        for word, metric in (("accuracy", "accuracy"), ("selectivity", "class_selectivity"))
        if metric in of_network
    }


def _news(network: Network, figures: Mapping[str, float]) -> str:
    told = "".join(f"  {word} {value:.3f}" for word, value in figures.items())
    return f"alpha {network.alpha:g} seed {network.seed}{told}"
