"""Measures the networks of a sweep one after the other, and writes the results as they come."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd

from selectax.study.data import Data
from selectax.study.measures.measurement import Measured, is_left, measure_one_by_one
from selectax.study.measures.subject import Subject, count
from selectax.study.plan import Plan
from selectax.study.run.networks import NetworkId, Progress, write_networks
from selectax.study.run.results import Row
from selectax.study.run.table_file import growing_table
from selectax.study.run.unit_values import (
    joined,
    read_unit_values,
    unit_table,
    write_unit_values,
)
from selectax.study.runtime.hosts import from_all, is_first
from selectax.study.runtime.progress import Log, stage
from selectax.study.runtime.waiting import fetch
from selectax.study.training.loss import Metrics
from selectax.study.training.population import Population, best_of


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

    With several hosts, each host measures one network at a time. The first host writes the rows.

    Args:
      plan: plan of the sweep.
      group: networks of the population.
      asked_for: networks of the group to be measured.
      population: trained population.
      data: images for the measures.
      table: results so far.
      record: completed measures of each network. The function adds new ones in place.
      log: log for warnings and progress.

    Returns:
      The table with the new rows.
    """
    left = networks_left(plan, asked_for, record)
    hosts, done = jax.process_count(), len(asked_for) - len(left)
    path = plan.folder.results if is_first() else None
    units = [read_unit_values(plan.folder.unit_values)]

    def after_each_write() -> None:
        units[:] = [joined(*units)]
        write_unit_values(plan.folder.unit_values, units[0])
        write_networks(plan.folder, plan.groups, record)

    def keep(network: NetworkId, measured: Measured) -> None:
        done = record.get(network, Progress())
        record[network] = done.with_measure(measured.measure, len(measured.rows))
        units.append(unit_table(network, measured.units))
        growing.add(measured.rows)

    with (
        stage(
            log, "Evaluating network", total=len(asked_for), done=done, event="network"
        ) as progress,
        growing_table(path, table, after_each_write) as growing,
    ):
        for at_once in _batched(list(left), hosts):
            found: list[tuple[NetworkId, Measured]] = []
            for host, network in enumerate(at_once):
                # All hosts must take part, because each has a part of the population.
                trained = fetch(best_of(population, group.index(network)))
                if host == jax.process_index():
                    for measured in _measure(plan, network, trained, left[network], data, log):
                        found.append((network, measured))
                        if hosts == 1:
                            keep(network, measured)
            if hosts > 1:
                found = _of_all_hosts(found)
                for network, measured in found:
                    keep(network, measured)
            for network in at_once:
                figures = _figures_of(row for one, new in found if one == network for row in new[1])
                progress.advance(
                    _news(network, figures),
                    count(data.evaluation.test),
                    **network._asdict(),
                    **figures,
                )
    return growing.table


def networks_left(
    plan: Plan, asked_for: Sequence[NetworkId], record: Mapping[NetworkId, Progress]
) -> dict[NetworkId, Collection[str]]:
    """Returns the networks that still lack measures, with the completed measures of each."""
    measured = {network: record.get(network, Progress()).measures for network in asked_for}
    return {
        network: already for network, already in measured.items() if is_left(plan.measures, already)
    }


def _measure(
    plan: Plan,
    network: NetworkId,
    trained: tuple[Metrics, np.ndarray, Mapping[str, Any]],
    already: Collection[str],
    data: Data,
    log: Log,
) -> Iterator[Measured]:
    """Yields a network's training curves and the results of each measure, with complete rows."""
    history, best_epoch, variables = trained
    config = plan.config
    whose = {
        "dataset": config.data.dataset,
        "model": config.training.model,
        **network._asdict(),
        "epoch": int(best_epoch),
    }
    if "training" not in already:
        yield Measured("training", [{**whose, **row} for row in _training_rows(history)])
    diverged = np.flatnonzero(~np.isfinite(history.loss))
    if len(diverged):
        first = int(diverged[0]) + 1
        log.warn(
            f"{network}: diverged in epoch {first}, and is not measured; a lower --learning-rate "
            "or a weaker --alpha may help."
        )
        yield Measured("diverged", [{**whose, "metric": "diverged", "epoch": first, "value": 1}])
        return
    subject = Subject(
        network.seed,
        plan.network,
        variables,
        data.evaluation,
        config.evaluation,
        plan.data_set.num_classes,
        plan.components.attacks,
    )
    for measured in measure_one_by_one(subject, plan.measures, already=already):
        yield measured._replace(rows=[{**whose, **row} for row in measured.rows])
        for warning in measured.warnings:
            log.warn(f"{network}: {warning}")


def _of_all_hosts(
    found: Sequence[tuple[NetworkId, Measured]],
) -> list[tuple[NetworkId, Measured]]:
    gathered = from_all(
        [
            {
                "network": network,
                "measure": measured.measure,
                "rows": measured.rows,
                "units": {
                    metric: {layer: np.asarray(values).tolist() for layer, values in layers.items()}
                    for metric, layers in measured.units.items()
                },
            }
            for network, measured in found
        ]
    )
    return [
        (NetworkId(*one["network"]), Measured(one["measure"], one["rows"], units=one["units"]))
        for one in gathered
    ]


def _batched(networks: Sequence[NetworkId], size: int) -> Iterator[Sequence[NetworkId]]:
    # Python 3.11 has no itertools.batched.
    return (networks[at : at + size] for at in range(0, len(networks), size))


def _training_rows(history: Metrics) -> list[Row]:
    return [
        {"epoch": epoch, "metric": metric, "value": value}
        for metric, values in (
            ("train_loss", history.loss),
            ("train_accuracy", history.accuracy),
        )
        for epoch, value in enumerate(values, start=1)
    ]


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


def _news(network: NetworkId, figures: Mapping[str, float]) -> str:
    told = "".join(f"  {word} {value:.3f}" for word, value in figures.items())
    return f"{network}{told}"
