"""The networks of a run: their training groups, and the measures done for each network."""

import collections
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run import results
from selectax.study.run.checkpoints import open_checkpoints
from selectax.study.run.folder import RunFolder, training_method_of, write_json

# Alpha of a network that was loaded from a file.
UNKNOWN_ALPHA = math.nan


class NetworkId(NamedTuple):
    """Identifies a network of a study.

    Attributes:
      alpha: strength of the regularizer.
      seed: seed of the initial weights, of the order of the images and of their augmentation.
      training: name of the training method of the network's run.
      training_strength: strength of the training method. A network of strength 0 is trained in the
        standard way, whatever the method.
    """

    alpha: float
    seed: int
    training: str = "standard"
    training_strength: float = 0.0

    def __str__(self) -> str:
        """Alpha and seed, and method and strength if the method is not the standard one."""
        text = f"alpha {self.alpha:g} seed {self.seed}"
        if self.training == "standard":
            return text
        return f"{text} {self.training} {self.training_strength:g}"


class Progress(NamedTuple):
    """The measures that are done for a network.

    Attributes:
      measures: names of the completed measures, including "training" and "diverged".
      rows: number of rows of the network in the results table.
    """

    measures: frozenset[str] = frozenset()
    rows: int = 0

    def with_measure(self, name: str, rows: int) -> "Progress":
        """Returns the progress after one more measure with a number of rows."""
        return Progress(self.measures | {name}, self.rows + rows)


def plan_groups(folder: RunFolder, wanted: Sequence[NetworkId]) -> list[list[NetworkId]]:
    """Groups networks that are trained together.

    Args:
      folder: folder of the run.
      wanted: networks to train and measure.

    Returns:
      The groups of earlier runs in the folder, followed by one group of all new networks, if any.

    Raises:
      ConfigurationError: `networks.json` cannot be read.
    """
    groups = read_groups(folder)
    begun = {network for group in groups for network in group}
    new = [network for network in wanted if network not in begun]
    return [*groups, new] if new else groups


def write_networks(
    folder: RunFolder, groups: Sequence[Sequence[NetworkId]], measured: Mapping[NetworkId, Progress]
) -> None:
    """Writes `networks.json`, unless it already has the same content.

    Args:
      folder: folder of the run.
      groups: groups of networks that are trained together.
      measured: progress of each network.
    """
    content = {
        "groups": [[network._asdict() for network in group] for group in groups],
        "measured": record_of(dict(sorted(measured.items()))),
    }
    if not folder.networks.exists() or _read(folder) != content:
        write_json(folder.networks, content)


def wanted_groups(
    groups: Sequence[Sequence[NetworkId]], wanted: Sequence[NetworkId]
) -> Iterator[tuple[int, list[NetworkId]]]:
    """Yields the number and the networks of each group that contains a wanted network."""
    for number, group in enumerate(groups):
        if set(group) & set(wanted):
            yield number, list(group)


def read_groups(folder: RunFolder) -> list[list[NetworkId]]:
    """Reads the groups of networks that previous runs in a folder trained.

    If the folder has no `networks.json`, the groups are read from the checkpoints.

    Raises:
      ConfigurationError: `networks.json` cannot be read.
    """
    if not folder.networks.exists():
        return list(_of_checkpoints(folder))
    try:
        return [[network_of(one) for one in group] for group in _read(folder)["groups"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise _unreadable(folder) from None


def read_measured(
    folder: RunFolder, table: pd.DataFrame
) -> tuple[dict[NetworkId, Progress], pd.DataFrame]:
    """Reads the progress of each network, and drops rows of the table that do not match it.

    If a run was killed between writing its table and `networks.json`, or if its table was replaced
    by an older one, the number of rows of a network differs from the recorded number. Such a
    network is measured again. Runs of earlier versions have no record, so their progress is
    inferred from the table.

    Args:
      folder: folder of the run.
      table: results table of the run.

    Returns:
      The progress of each network that matches its record, and the rows of these networks.

    Raises:
      ConfigurationError: `networks.json` cannot be read.
    """
    try:
        content = _read(folder) if folder.networks.exists() else {}
        return matching(table, content.get("measured"))
    except (OSError, ValueError, KeyError, TypeError):
        raise _unreadable(folder) from None


def record_of(measured: Mapping[NetworkId, Progress]) -> list[dict[str, Any]]:
    """Returns the progress of networks as JSON types, for `matching`. An unknown alpha is None."""
    return [
        {
            **network._asdict(),
            "alpha": None if math.isnan(network.alpha) else network.alpha,
            "measures": sorted(done.measures),
            "rows": done.rows,
        }
        for network, done in measured.items()
    ]


def matching(
    table: pd.DataFrame, record: Sequence[Mapping[str, Any]] | None, *, together: bool = True
) -> tuple[dict[NetworkId, Progress], pd.DataFrame]:
    """Compares a table with the record of its networks; see `read_measured`.

    Args:
      table: results table.
      record: entries of `record_of`; None if there is no record.
      together: how progress is inferred without a record; see `results.measures_in`.

    Returns:
      The progress of each network that matches its record, and the rows of these networks.
    """
    owners = owners_of(table)
    number = collections.Counter(owners)
    if record is None:
        return {
            one: Progress(frozenset(results.measures_in(table, *one, together=together)), rows)
            for one, rows in number.items()
        }, table
    recorded = {
        network_of(one): Progress(frozenset(one["measures"]), int(one["rows"])) for one in record
    }
    whole = {one: done for one, done in recorded.items() if number[one] == done.rows}
    return whole, table[[owner in whole for owner in owners]]


def owners_of(table: pd.DataFrame) -> list[NetworkId]:
    """Returns the network of each row of a results table."""
    columns = list(NetworkId._fields)
    number = table.groupby(columns, sort=False, dropna=False).ngroup()
    # A table has thousands of rows of each network.
    first = ~table.duplicated(columns)
    of_number = dict(
        zip(
            number[first],
            map(network_of, table.loc[first, columns].to_dict("records")),
            strict=True,
        )
    )
    return [of_number[one] for one in number]


def _read(folder: RunFolder) -> dict[str, Any]:
    return json.loads(folder.networks.read_text())


def network_of(one: Mapping[str, Any]) -> NetworkId:
    """Reads a network; runs of earlier versions know standard training only."""
    training, strength = NetworkId._field_defaults.values()
    alpha = UNKNOWN_ALPHA if one["alpha"] is None else float(one["alpha"])
    return NetworkId(
        # The same NaN for all, because other NaNs do not compare equal.
        UNKNOWN_ALPHA if math.isnan(alpha) else alpha,
        int(one["seed"]),
        str(one.get("training", training)),
        float(one.get("training_strength", strength)),
    )


def _unreadable(folder: RunFolder) -> ConfigurationError:
    return ConfigurationError(
        f"--output {folder.path}: its networks.json cannot be read; remove that file, so that the "
        "list of networks is read from the checkpoints."
    )


def _of_checkpoints(folder: RunFolder) -> Iterator[list[NetworkId]]:
    for number in itertools.count():
        if not folder.checkpoints(number).is_dir():
            return
        with open_checkpoints(folder.checkpoints(number)) as checkpoints:
            population = checkpoints.restore_as_it_is()
        if population is None:
            return
        given, method = population["hyperparameters"], training_method_of(folder)
        alphas, seeds = (np.asarray(given[name]) for name in ("alpha", "seed"))
        strengths = np.asarray(given.get("strength", np.zeros_like(alphas)))
        # Alphas and strengths of the configuration are the shortest decimals with the same float32
        # values.
        yield [
            NetworkId(float(str(alpha)), int(seed), method, float(str(strength)))
            for alpha, seed, strength in zip(alphas, seeds, strengths, strict=True)
        ]
