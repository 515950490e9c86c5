"""Writing several runs, such as those of an array job, into the folder of one."""

import collections
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run import results
from selectax.study.run.curves import join_curves
from selectax.study.run.folder import RunFolder, write_json
from selectax.study.run.networks import (
    NetworkId,
    Progress,
    owners_of,
    read_groups,
    write_networks,
)
from selectax.study.run.recorded_runs import RecordedRun, read_runs
from selectax.study.run.unit_values import joined, read_unit_values, write_unit_values


def write_joined(paths: Sequence[Path], folder: RunFolder) -> RecordedRun:
    """Writes settings, networks and results of several runs into a folder, as one run has them.

    Checkpoints are not copied. A sweep resumed in the folder trains the groups of networks of which
    one lacks measures, and measures what is lacking; see `measuring_loop.measure_group`.

    Args:
      paths: folders of runs that differ only in their networks and measures.
      folder: an existing folder without files.

    Returns:
      The joined run.

    Raises:
      ConfigurationError: a folder holds no run, a file in it cannot be read, or the runs differ in
        more than their networks and measures.
    """
    run = read_runs(paths)
    if len(run.configs) > 1:
        methods = " and ".join(config.get("training_method", "standard") for config in run.configs)
        raise ConfigurationError(
            f"RUN {' '.join(map(str, paths))}: are of the training methods {methods}, but a run "
            "has one; join the runs of each method, or give all of them to `selectax report`."
        )
    table, record = _measured(run)
    write_json(folder.config, run.config)
    write_json(folder.layers, run.units)
    if run.images:
        write_json(folder.images, run.images)
    write_networks(folder, _groups(paths, run.networks), record)
    for path in (folder.results, folder.results_in_parquet):
        results.save(path, table)
    units = joined(*(read_unit_values(RunFolder(path).unit_values) for path in paths))
    write_unit_values(folder.unit_values, units)
    join_curves([RunFolder(path) for path in paths], folder)
    return run._replace(table=table)


def _measured(run: RecordedRun) -> tuple[pd.DataFrame, dict[NetworkId, Progress]]:
    """Returns the rows of networks whose completed measures are known, and these measures."""
    owners = owners_of(run.table)
    number = collections.Counter(owners)
    record = {
        network: Progress(frozenset(measures), number[network])
        for network, measures in run.measured.items()
        if measures
    }
    return run.table[[owner in record for owner in owners]].reset_index(drop=True), record


def _groups(paths: Sequence[Path], networks: Sequence[NetworkId]) -> list[list[NetworkId]]:
    """Returns the groups of all runs, each network once; runs of early versions make one group."""
    groups, seen = [], set[NetworkId]()
    for group in [*(group for path in paths for group in read_groups(RunFolder(path))), networks]:
        new = [network for network in group if network not in seen]
        seen.update(new)
        if new:
            groups.append(new)
    return groups
