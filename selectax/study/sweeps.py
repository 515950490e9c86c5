"""Runs a whole sweep: data, training, measures, results table, figures and report."""

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import pandas as pd
from rich.console import Console

from selectax.attacks import Attack
from selectax.corruptions import Corruption
from selectax.models.network import Network
from selectax.study.components import (
    Components,
    Regularizer,
    check_initial_signs,
    checked_components,
)
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.corrupted_images import fallback
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import RunOptions
from selectax.study.data import load_data
from selectax.study.examples import has_images, network_to_show
from selectax.study.measures.measure import Measure
from selectax.study.measuring_loop import groups_left, measure_group
from selectax.study.plan import layers_without_sign, make_plan, settings_of, table_so_far
from selectax.study.report.findings import Finding
from selectax.study.run import results
from selectax.study.run.folder import alone_in, check_images, holds_run, write_json
from selectax.study.run.networks import NetworkId, read_measured, write_networks
from selectax.study.run.unit_values import read_unit_values
from selectax.study.runtime.hosts import is_first, wait_for_all
from selectax.study.runtime.progress import Log
from selectax.study.training.methods.method import TrainingMethod
from selectax.study.training_loop import train_group


class Outcome(NamedTuple):
    """Results of a sweep.

    Attributes:
      table: the results table.
      results: path of the results table.
      figures: paths of the figures' PNG files. Each has a PDF beside it. Empty with
        `run.no_report`, and except on the first host.
      report: path of the report, a single page, which is there if figures are.
      findings: the papers' findings with their verdicts. Empty when figures are.
    """

    table: pd.DataFrame
    results: Path
    figures: list[Path]
    report: Path
    findings: Sequence[Finding] = ()


def sweep(
    config: SweepConfig,
    *,
    network: Network | None = None,
    data: Iterable[tuple[Any, Any]] | None = None,
    measures: Iterable[Measure] | None = None,
    attacks: Iterable[Attack] | None = None,
    corruptions: Iterable[Corruption] | None = None,
    regularizer: Regularizer | None = None,
    training_method: TrainingMethod | None = None,
    console: Console | None = None,
) -> Outcome:
    """Trains and measures every network that is not in the run's folder yet, and draws figures.

    Your own network, data, measures and regularizer need no registration. The run's folder records
    only their names, so pass the same ones to resume a run. On a CPU two networks are measured at a
    time, in two threads, so that measures, attacks and functions of your own must not share state.

    Args:
      config: configuration of the sweep. If you pass your own network or data, `training.model` and
        `data.dataset` are their names in the table. `run.dry_run` is for
        `selectax.study.dry_runs.dry_run` only. With `run.coordinator`, call
        `selectax.study.runtime.hosts.join` first.
      network: your own network, as functions. Define the functions once, at the top of a module,
        because JAX recompiles for every new function object.
      data: your own images and labels, as (train, test) or (train, validation, test). Without
        validation images, every tenth training image is used for validation. Images are uint8 of
        shape (samples, height, width, channels). Labels are integers from 0. Corrupted images are
        our corruptions of your test images, whatever the name of the data set.
      measures: measures that replace the names in `config.evaluation.measures`: entries of
        `selectax.study.MEASURES` or your own.
      attacks: attacks that replace the names in `config.evaluation.attacks`: entries of
        `selectax.attacks.ATTACKS` or your own.
      corruptions: corruptions of the test images that replace the names in
        `config.evaluation.corruptions`: entries of `selectax.corruptions.CORRUPTIONS` or your own.
      regularizer: function of activations, labels and the number of classes. It replaces mean class
        selectivity as the term that alpha multiplies, for control experiments. It sees the whole
        batch, so that no mesh splits batches.
      training_method: training method that replaces the name in `config.method.training_method`: an
        entry of `selectax.study.TRAINING_METHODS` or your own. Its strengths are those of
        `config.method.training_strength`.
      console: console for progress; stderr by default.

    Returns:
      The results table and the paths of the files.

    Raises:
      ConfigurationError: if the configuration is invalid, or does not fit the data or the folder.
      selectax.datasets.DataError: if the data set cannot be loaded.
      selectax.study.run.checkpoints.CheckpointError: if a checkpoint cannot be written.
      selectax.study.runtime.signals.Stopped: if a signal stopped the sweep. Training leaves a
        checkpoint.
    """
    _check_called(config.run)
    config, components = checked_components(
        config,
        network=network,
        data=data,
        measures=measures,
        attacks=attacks,
        corruptions=corruptions,
        regularizer=regularizer,
        training_method=training_method,
    )
    check(
        config,
        own_names=components.names(config),
        measures=components.measures,
        methods=components.methods,
    )
    if not is_first():
        console = Console(quiet=True)
    log = Log(console or Console(stderr=True), config.log)
    with alone_in(config.output, log.warn) if is_first() else contextlib.nullcontext():
        return _sweep(config, components, log)


def _check_called(run: RunOptions) -> None:
    """Checks for options with which the command does something before it calls `sweep`.

    Raises:
      ConfigurationError: such an option is given, and its work is not done.
    """
    if run.dry_run:
        raise ConfigurationError(
            "dry_run True: sweep trains networks; call selectax.study.dry_runs.dry_run, or omit "
            "dry_run."
        )
    if run.coordinator is not None and not jax.distributed.is_initialized():
        raise ConfigurationError(
            f"coordinator {run.coordinator}: sweep does not connect the hosts; call "
            "selectax.study.runtime.hosts.join(config.run) before all other work of JAX, or omit "
            "coordinator."
        )


def _sweep(config: SweepConfig, components: Components, log: Log) -> Outcome:
    plan = make_plan(config, components)
    folder, groups = plan.folder, plan.groups
    record, table = read_measured(folder, table_so_far(folder))
    read_unit_values(folder.unit_values)  # refuses a damaged file before any network is trained
    data = load_data(plan.config, plan.mesh, components)
    check_images(folder, data.counts)
    # Our own networks end each layer in a ReLU.
    if components.network is not None and (layers := layers_without_sign(plan)):
        check_initial_signs(plan.network, data.evaluation.test.images[0], layers)
    if (sentence := fallback(config, plan.config)) is not None:
        log.warn(sentence)
    if config.run.resume and not holds_run(config.output):
        log.warn(f"--resume: there is no run in {config.output} yet; starting one.")
    # Wait until all hosts have read the folder, before the first host writes to it.
    wait_for_all("planned")
    if is_first():
        write_json(folder.config, settings_of(_with_all_networks(plan.config, groups), plan.mesh))
        write_networks(folder, groups, record)
        write_json(folder.layers, dict(plan.units))
        write_json(folder.images, data.counts)
    shown = None
    for number, group, asked_for in groups_left(plan, record):
        population = train_group(plan, number, group, data, log)
        table = measure_group(plan, group, asked_for, population, data, table, record, log)
        if not plan.config.run.no_report and has_images(plan.config.evaluation):
            shown = network_to_show(shown, group, asked_for, population, table)
    paths: list[Path] = []
    findings: Sequence[Finding] = ()
    if is_first():
        for path in (folder.results, folder.results_in_parquet):
            results.save(path, table)
    if is_first() and not plan.config.run.no_report:
        # Matplotlib takes half a second to import, which the first epoch need not wait for.
        from selectax.study.presentation import present

        paths, findings = present(plan, table, data.evaluation, shown)
    return Outcome(table, folder.results, paths, folder.report, findings)


def _with_all_networks(config: SweepConfig, groups: Sequence[Sequence[NetworkId]]) -> SweepConfig:
    """Adds the alphas, strengths and seeds of earlier runs in the folder to the configuration."""
    networks = [network for group in groups for network in group]
    seeds = [network.seed for network in networks]
    regularizer = dataclasses.replace(
        config.regularizer,
        alpha=tuple(dict.fromkeys(network.alpha for network in networks)),
        seeds=1 + max(seeds) - min(seeds),
        first_seed=min(seeds),
    )
    strengths = tuple(dict.fromkeys(network.training_strength for network in networks))
    method = dataclasses.replace(config.method, training_strength=strengths)
    return dataclasses.replace(config, regularizer=regularizer, method=method)
