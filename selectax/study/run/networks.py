"""The networks of a run: which are trained together, and what is measured of each."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run import results
from selectax.study.run.checkpoints import open_checkpoints
from selectax.study.run.folder import RunFolder, write_json


class NetworkId(NamedTuple):
    """Which network of a study."""

    alpha: float
    seed: int


class Progress(NamedTuple):
    """What is measured of a network.

    Attributes:
      measures: names of the measures that are done, and "training" and "diverged".
      rows: number of rows of the results table that they have.
    """

    measures: frozenset[str] = frozenset()
    rows: int = 0

    def with_measure(self, name: str, rows: int) -> "Progress":
        """The same after one more measure."""
        return Progress(self.measures | {name}, self.rows + rows)


def plan_groups(folder: RunFolder, wanted: Sequence[NetworkId]) -> list[list[NetworkId]]:
    """Networks that are trained together, those of earlier runs in the folder first.

    Networks that no earlier run has begun make up a group of their own.

    Raises:
      ConfigurationError: the folder's list of networks cannot be read.
    """
    groups = read_groups(folder)
    begun = {network for group in groups for network in group}
    new = [network for network in wanted if network not in begun]
    return [*groups, new] if new else groups


def write_networks(
    folder: RunFolder, groups: Sequence[Sequence[NetworkId]], measured: Mapping[NetworkId, Progress]
) -> None:
    """Writes `networks.json`, if it does not hold the same already.

    Args:
      folder: of the run.
      groups: networks that are trained together.
      measured: what is measured of each network.
    """
    content = {
        "groups": [[network._asdict() for network in group] for group in groups],
        "measured": [
            {**network._asdict(), "measures": sorted(done.measures), "rows": done.rows}
            for network, done in sorted(measured.items())
        ],
    }
    if not folder.networks.exists() or _read(folder) != content:
        write_json(folder.networks, content)


def wanted_groups(
    groups: Sequence[Sequence[NetworkId]], wanted: Sequence[NetworkId]
) -> Iterator[tuple[int, list[NetworkId]]]:
    """Numbers and networks of the groups that hold a network that is asked for."""
    for number, group in enumerate(groups):
        if set(group) & set(wanted):
            yield number, list(group)


def read_groups(folder: RunFolder) -> list[list[NetworkId]]:
    """Groups of networks of the runs in a folder so far.

    Without the list of them their checkpoints are asked.

    Raises:
      ConfigurationError: the folder's list of networks cannot be read.
    """
    if not folder.networks.exists():
        return list(_of_checkpoints(folder))
    try:
        return [[_id(one) for one in group] for group in _read(folder)["groups"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise _unreadable(folder) from None


def read_measured(
    folder: RunFolder, table: pd.DataFrame
) -> tuple[dict[NetworkId, Progress], pd.DataFrame]:
    """What is measured of each network, and the table without rows that nothing vouches for.

    A run that died between writing its table and `networks.json`, or whose table was replaced by
    an older one, has another number of rows of a network than is recorded: that network is
    measured anew. A run of an earlier version has no record; its table is asked.

    Raises:
      ConfigurationError: `networks.json` cannot be read.
    """
    number = {
        NetworkId(*one): rows for one, rows in table.groupby(["alpha", "seed"]).size().items()
    }
    try:
        content = _read(folder) if folder.networks.exists() else {}
        if "measured" not in content:
            return {
                one: Progress(frozenset(results.measures_in(table, *one)), rows)
                for one, rows in number.items()
            }, table
        recorded = {
            _id(one): Progress(frozenset(one["measures"]), int(one["rows"]))
            for one in content["measured"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        raise _unreadable(folder) from None
    whole = {one: done for one, done in recorded.items() if number.get(one) == done.rows}
    keep = [NetworkId(*one) in whole for one in table[["alpha", "seed"]].itertuples(index=False)]
    return whole, table[keep]


def _read(folder: RunFolder) -> dict[str, Any]:
    return json.loads(folder.networks.read_text())


def _id(one: Mapping[str, Any]) -> NetworkId:
    return NetworkId(float(one["alpha"]), int(one["seed"]))


def _unreadable(folder: RunFolder) -> ConfigurationError:
    return ConfigurationError(
        f"--output {folder.path}: its networks.json cannot be read; remove that file, and the "
        "checkpoints are asked for it."
    )


def _of_checkpoints(folder: RunFolder) -> Iterator[list[NetworkId]]:
    for number in itertools.count():
        if not folder.checkpoints(number).is_dir():
            return
        with open_checkpoints(folder.checkpoints(number)) as checkpoints:
            population = checkpoints.restore_as_it_is()
        if population is None:
            return
        given = population["hyperparameters"]
        alphas, seeds = (np.asarray(given[name]) for name in ("alpha", "seed"))
        # The shortest number that is the same in float32 is the one that was given.
        yield [
            NetworkId(float(str(alpha)), int(seed))
            for alpha, seed in zip(alphas, seeds, strict=True)
        ]
