"""Measures the networks of a sweep, and writes the results as they come."""

import itertools
import math
import os
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from typing import Any, SupportsInt

import jax
import numpy as np
import pandas as pd

from selectax.study.data import Data
from selectax.study.measures.cohort import Cohort
from selectax.study.measures.measurement import Measured, is_left, measure_one_by_one
from selectax.study.measures.subject import Subject, count
from selectax.study.plan import Plan
from selectax.study.run.networks import NetworkId, Progress, wanted_groups, write_networks
from selectax.study.run.results import Row
from selectax.study.run.table_file import growing_table
from selectax.study.run.trained_again import Training, trained_otherwise, without
from selectax.study.run.unit_values import (
    joined,
    read_unit_values,
    unit_table,
    write_unit_values,
)
from selectax.study.runtime.hosts import from_all, is_first, largest
from selectax.study.runtime.progress import Log, Part, stage
from selectax.study.runtime.threads import in_threads
from selectax.study.runtime.waiting import fetch
from selectax.study.training.loss import Metrics
from selectax.study.training.population import Population, best_of

# Training curves, the best epoch, and the variables after it.
_Trained = tuple[Metrics, np.ndarray, Mapping[str, Any]]

# Number of networks that are measured at a time on a CPU. One of the size for small images keeps
# about one and a half of two cores busy.
_ON_CPU = min(2, os.cpu_count() or 1)


def measure_group(
    plan: Plan,
    group: Sequence[NetworkId],
    asked_for: Sequence[NetworkId],
    population: Population,
    data: Data,
    table: pd.DataFrame,
    record: dict[NetworkId, Progress],
    log: Log,
) -> pd.DataFrame:
    """Measures each network of a group, and adds the missing rows to the results table.

    Each device of each host measures one network at a time, and a CPU two. The first host writes
    the rows. If a network that lacks measures was trained again, without its checkpoints, and the
    result differs, its rows are replaced, because those of two trainings must not be mixed.

    Args:
      plan: plan of the sweep.
      group: networks of the population.
      asked_for: networks of the group to be measured.
      population: trained population.
      data: images for the measures.
      table: results so far.
      record: completed measures of each network. The function changes it in place.
      log: log for warnings and progress.

    Returns:
      The table with the new rows.
    """
    table, of_units = _of_these_trainings(plan, group, asked_for, population, table, record, log)
    left = networks_left(plan, asked_for, record)
    hosts, done = jax.process_count(), len(asked_for) - len(left)
    path = plan.folder.results if is_first() else None
    units = [of_units]

    def after_each_write() -> None:
        units[:] = [joined(*units)]
        write_unit_values(plan.folder.unit_values, units[0])
        write_networks(plan.folder, plan.groups, record)

    def keep(network: NetworkId, measured: Measured) -> None:
        done = record.get(network, Progress())
        record[network] = done.with_measure(measured.measure, len(measured.rows))
        units.append(unit_table(network, measured.units))
        growing.add(measured.rows)
        for warning in measured.warnings:
            log.warn(f"{network}: {warning}")

    with (
        stage(
            log, "Evaluating network", total=len(asked_for), done=done, event="network"
        ) as progress,
        growing_table(path, table, after_each_write) as growing,
    ):
        devices = _devices(len(left))
        for at_once in _turns(list(left), devices):
            found: list[tuple[NetworkId, Measured]] = []
            mine = {}
            of_host = math.ceil(len(at_once) / hosts)
            for number, network in enumerate(at_once):
                # All hosts must take part, because each has a part of the population.
                trained = fetch(best_of(population, group.index(network)))
                if number // of_host == jax.process_index():
                    mine[network] = trained, left[network]
            with closing(_measure(plan, mine, devices, data)) as results:
                for network, measured in results:
                    found.append((network, measured))
                    if hosts == 1:
                        keep(network, measured)
            if hosts > 1:
                found = _of_all_hosts(found)
                for network, measured in found:
                    keep(network, measured)
            progress.advance_together([_part(network, found, data) for network in at_once])
    return growing.table


def groups_left(
    plan: Plan, record: Mapping[NetworkId, Progress]
) -> Iterator[tuple[int, list[NetworkId], list[NetworkId]]]:
    """Yields number, networks and requested networks of each group that a sweep works on.

    A group whose table is complete is left out if its checkpoints are not there.
    """
    for number, group in wanted_groups(plan.groups, plan.wanted):
        asked_for = [one for one in group if one in plan.wanted]
        if plan.folder.checkpoints(number).is_dir() or networks_left(plan, asked_for, record):
            yield number, group, asked_for


def networks_left(
    plan: Plan, asked_for: Sequence[NetworkId], record: Mapping[NetworkId, Progress]
) -> dict[NetworkId, Collection[str]]:
    """Returns the networks that still lack measures, with the completed measures of each."""
    measured = {network: record.get(network, Progress()).measures for network in asked_for}
    return {
        network: already for network, already in measured.items() if is_left(plan.measures, already)
    }


def _of_these_trainings(
    plan: Plan,
    group: Sequence[NetworkId],
    asked_for: Sequence[NetworkId],
    population: Population,
    table: pd.DataFrame,
    record: dict[NetworkId, Progress],
    log: Log,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drops what was measured of other trainings of the networks that still lack measures.

    Returns:
      The results and the values of units without these networks, which the record loses, too.
    """
    units = read_unit_values(plan.folder.unit_values)
    begun = [network for network in networks_left(plan, asked_for, record) if network in record]
    if not begun:
        return table, units
    history, best_epochs = fetch((population.history, population.best_epoch))
    trainings = {
        network: _training(jax.tree.map(lambda leaf, at=at: leaf[at], history), best_epochs[at])
        for at, network in enumerate(group)
        if network in begun
    }
    differing = trained_otherwise(table, trainings)
    for network in differing:
        del record[network]
        log.warn(
            f"{network}: was trained again, and the result differs from the one of its rows in "
            f"{plan.folder.results.name}, so all of it is measured anew."
        )
    return without(table, differing), without(units, differing)


def _devices(networks: int) -> list[jax.Device]:
    """Returns the devices of this host that measure a network each, as many on every host.

    Ten networks on eight devices are measured in two rounds of five.
    """
    (most,) = largest(-len(_measuring_devices()))  # of the host with the fewest
    of_host = max(1, math.ceil(networks / jax.process_count()))
    rounds = math.ceil(of_host / -most)
    return _measuring_devices()[: math.ceil(of_host / rounds)]


def _measuring_devices() -> list[jax.Device]:
    """Returns the devices of this host that do not share its processor cores.

    Several devices of the CPU would not be faster than one, and would round differently.
    """
    devices = jax.local_devices()
    return devices[:1] if devices[0].platform == "cpu" else devices


def _measure(
    plan: Plan,
    networks: Mapping[NetworkId, tuple[_Trained, Collection[str]]],
    devices: Sequence[jax.Device],
    data: Data,
) -> Generator[tuple[NetworkId, Measured]]:
    """Yields training curves and the results of each measure, with complete rows.

    Args:
      plan: plan of the sweep.
      networks: trained networks and their completed measures, at most one for each device; on a
        single device, each has a thread of its own.
      devices: devices to measure on.
      data: images for the measures.
    """
    config = plan.config
    whose, subjects, done = {}, {}, {}
    for network, ((history, best_epoch, variables), already) in networks.items():
        done[network] = already
        whose[network] = {
            "dataset": config.data.dataset,
            "model": config.training.model,
            **network._asdict(),
            "epoch": int(best_epoch),
        }
        if "training" not in already:
            training = _training(history, best_epoch)
            rows = [{**whose[network], **row} for row in training.rows()]
            yield network, Measured("training", rows)
        diverged = np.flatnonzero(~np.isfinite(history.loss))
        if len(diverged):
            epoch = int(diverged[0]) + 1
            warning = (
                f"diverged in epoch {epoch}, and is not measured; a lower --learning-rate or a "
                "weaker --alpha may help."
            )
            row = {**whose[network], "metric": "diverged", "epoch": epoch, "value": 1}
            yield network, Measured("diverged", [row], (warning,))
            continue
        subjects[network] = Subject(
            network.seed,
            plan.network,
            variables,
            data.evaluation,
            config.evaluation,
            plan.data_set.num_classes,
            plan.components.attacks,
        )
    if subjects and len(devices) > 1:
        Cohort(list(subjects.values()), devices)
    works = [
        _with_name(network, measure_one_by_one(subject, plan.measures, already=done[network]))
        for network, subject in subjects.items()
    ]
    threads = len(works) > 1 and len(devices) == 1
    with in_threads(works) if threads else nullcontext(works) as in_turn:
        # Measure by measure, so that what was computed for all networks is soon written.
        for of_measure in itertools.zip_longest(*in_turn):
            for network, measured in filter(None, of_measure):
                rows = [{**whose[network], **row} for row in measured.rows]
                yield network, measured._replace(rows=rows)


def _with_name(
    network: NetworkId, results: Iterator[Measured]
) -> Iterator[tuple[NetworkId, Measured]]:
    return ((network, measured) for measured in results)


def _of_all_hosts(
    found: Sequence[tuple[NetworkId, Measured]],
) -> list[tuple[NetworkId, Measured]]:
    gathered = from_all(
        [
            {
                "network": network,
                "measure": measured.measure,
                "rows": measured.rows,
                "warnings": measured.warnings,
                "units": {
                    metric: {layer: np.asarray(values).tolist() for layer, values in layers.items()}
                    for metric, layers in measured.units.items()
                },
            }
            for network, measured in found
        ]
    )
    return [
        (
            NetworkId(*one["network"]),
            Measured(one["measure"], one["rows"], tuple(one["warnings"]), one["units"]),
        )
        for one in gathered
    ]


def _turns(
    networks: Sequence[NetworkId], devices: Sequence[jax.Device]
) -> Iterator[Sequence[NetworkId]]:
    """Yields the networks that are measured at a time, on all hosts together."""
    hosts = jax.process_count()
    begin, size = 0, hosts * len(devices)
    while begin < len(networks):
        yield networks[begin : begin + size]
        begin += size
        if len(devices) == 1 and devices[0].platform == "cpu":
            # Not before the first network, because threads would compile the same programs.
            size = hosts * _ON_CPU


def _training(history: Metrics, best_epoch: SupportsInt) -> Training:
    return Training(int(best_epoch), np.asarray(history.loss), np.asarray(history.accuracy))


def _figures_of(rows: Iterator[Row]) -> dict[str, float]:
    """Returns the clean accuracy and selectivity of the whole network, if the rows have them."""
    of_network = {
        row["metric"]: row["value"]
        for row in rows
        if "layer" not in row and "perturbation" not in row
    }
    return {
        word: of_network[metric]
        for word, metric in (("accuracy", "accuracy"), ("selectivity", "class_selectivity"))
        if metric in of_network
    }


def _part(network: NetworkId, found: Sequence[tuple[NetworkId, Measured]], data: Data) -> Part:
    """Returns the network's part of the progress."""
    figures = _figures_of(row for one, new in found if one == network for row in new.rows)
    told = "".join(f"  {word} {value:.3f}" for word, value in figures.items())
    images = count(data.evaluation.test)
    return Part(f"{network}{told}", images, {**network._asdict(), **figures})
