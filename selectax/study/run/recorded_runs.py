"""Reading finished or unfinished runs from their folders, and joining several runs into one."""

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from selectax.study.configuration.config import flags_of
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import MethodOptions
from selectax.study.run import results
from selectax.study.run.folder import (
    ADDED_SINCE,
    DEVICES_PER_BATCH,
    NETWORKS,
    RunFolder,
    training_method_of,
)
from selectax.study.run.networks import NetworkId, read_groups, read_measured

# Runs of one study may differ in their measures and networks, and in their training methods.
_MAY_DIFFER = ("measures", *NETWORKS)
_OF_METHOD = tuple(flags_of(MethodOptions()))


class RecordedRun(NamedTuple):
    """The contents of a run's folder; the run may be unfinished.

    Attributes:
      config: contents of `config.json`. Of joined runs of several training methods,
        `training_method` lists the methods.
      configs: the same for each training method, one after the other.
      units: number of units of each layer, in order of depth.
      images: number of images for each purpose; empty for runs of earlier versions.
      networks: networks of the run, whether or not they are measured yet.
      table: results table.
      measured: names of the completed measures of each network.
    """

    config: dict[str, Any]
    configs: list[dict[str, Any]]
    units: dict[str, int]
    images: dict[str, int]
    networks: list[NetworkId]
    table: pd.DataFrame
    measured: Mapping[NetworkId, Collection[str]]


def read_runs(paths: Sequence[Path]) -> RecordedRun:
    """Reads one run, or joins the networks and tables of several runs.

    Args:
      paths: folders of one or more runs.

    Returns:
      The run, or the joined runs.

    Raises:
      ConfigurationError: a folder holds no run, a file cannot be read, or the runs differ in more
        than their networks, measures and training methods; one sentence that names the folder and
        the remedy.
    """
    runs = [_read_run(path) for path in paths]
    first, *others = runs
    for (path, run), (other_path, other) in itertools.combinations(
        zip(paths, runs, strict=True), 2
    ):
        _check_joinable(path, run, other_path, other)
    if not others:
        return first
    networks = list(dict.fromkeys(network for run in runs for network in run.networks))
    by_method: dict[str, list[RecordedRun]] = {}
    for run in runs:
        by_method.setdefault(_with_defaults(run)["training_method"], []).append(run)
    configs = [_joined_config(of_method) for of_method in by_method.values()]
    config = _joined_config(runs)
    if len(by_method) > 1:
        config["training_method"] = list(by_method)
    measured = {
        network: {name for run in runs for name in run.measured.get(network, ())}
        for network in networks
    }
    return first._replace(
        config=config,
        configs=configs,
        networks=networks,
        table=_joined_table(paths),
        measured=measured,
    )


def _joined_config(runs: Sequence[RecordedRun]) -> dict[str, Any]:
    """Configuration of runs with all their networks, measures and options of training methods."""
    networks = list(dict.fromkeys(network for run in runs for network in run.networks))
    seeds = [network.seed for network in networks] or [0]
    defaults = flags_of(MethodOptions())
    # An option differs from its default only in runs of its own method.
    of_methods = {
        name: run.config[name]
        for run in runs
        for name, default in defaults.items()
        if run.config.get(name, default) != default
    }
    joined = {
        "measures": list(dict.fromkeys(name for run in runs for name in run.config["measures"])),
        "alpha": list(dict.fromkeys(network.alpha for network in networks)),
        "training_strength": list(dict.fromkeys(one.training_strength for one in networks)),
        "seeds": 1 + max(seeds) - min(seeds),
        "first_seed": min(seeds),
    }
    if devices := _devices_per_batch(runs):
        joined[DEVICES_PER_BATCH] = devices[0]
    return runs[0].config | of_methods | joined


def _read_run(path: Path) -> RecordedRun:
    folder = RunFolder(path)
    if not folder.config.exists():
        raise ConfigurationError(
            f"RUN {path}: holds no run (config.json is missing); give the output folder of a sweep."
        )
    config, units = (_read(file) for file in (folder.config, folder.layers))
    images = _read(folder.images) if folder.images.exists() else {}
    table, networks = _joined_table([path]), _networks(folder, config)
    measured, _ = read_measured(folder, table)
    done = {network: progress.measures for network, progress in measured.items()}
    return RecordedRun(config, [config], units, images, networks, table, done)


def _networks(folder: RunFolder, config: dict[str, Any]) -> list[NetworkId]:
    """Reads the networks of a run; runs of earlier versions have every seed for every alpha."""
    if folder.networks.exists():
        try:
            return [network for group in read_groups(folder) for network in group]
        except ConfigurationError:
            raise _unreadable(folder.networks) from None
    first = config.get("first_seed", 0)
    seeds = range(first, first + config["seeds"])
    method, strengths = training_method_of(folder), config.get("training_strength", (0.0,))
    return [
        NetworkId(alpha, seed, method, strength)
        for alpha in config["alpha"]
        for strength in strengths
        for seed in seeds
    ]


def _joined_table(paths: Sequence[Path]) -> pd.DataFrame:
    files = [file for file in map(results.table_in, paths) if file.exists()]
    try:
        return results.load(files) if files else results.table([])
    except ValueError as error:
        raise ConfigurationError(f"RUN {error}") from None


def _check_joinable(path: Path, run: RecordedRun, other_path: Path, other: RecordedRun) -> None:
    config, other_config = _with_defaults(run), _with_defaults(other)
    may_differ = {*_MAY_DIFFER, DEVICES_PER_BATCH}
    if config["training_method"] != other_config["training_method"]:
        may_differ |= set(_OF_METHOD)
    differing = [
        f"{name.replace('_', ' ')} ({config.get(name)} and {other_config.get(name)})"
        for name in {**config, **other_config}
        if name not in may_differ and config.get(name) != other_config.get(name)
    ]
    devices = _devices_per_batch([run, other])
    if len(set(devices)) > 1:
        differing.append(f"the number of devices for each batch ({devices[0]} and {devices[1]})")
    if run.images and other.images and run.images != other.images:
        differing.append("the number of images")
    if differing or run.units != other.units:
        raise ConfigurationError(
            f"RUN {path} {other_path}: differ in {', '.join(differing) or 'their layers'}, so they "
            "cannot share a report; give runs that differ only in their networks or measures."
        )


def _devices_per_batch(runs: Sequence[RecordedRun]) -> list[int]:
    """Returns the number of devices that share a batch, of each run that records it."""
    return [run.config[DEVICES_PER_BATCH] for run in runs if DEVICES_PER_BATCH in run.config]


def _with_defaults(run: RecordedRun) -> dict[str, Any]:
    """Configuration of a run, with the flags that earlier versions did not have."""
    return {**ADDED_SINCE, **run.config}


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        raise _unreadable(path) from None


def _unreadable(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"RUN {path.parent}: its {path.name} cannot be read; run the sweep again with --resume."
    )
