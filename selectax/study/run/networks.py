"""A study as a set of networks to be trained: which are done, and which are trained together."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run.checkpoints import open_checkpoints
from selectax.study.run.folder import RunFolder, write_json


class Network(NamedTuple):
    """One network of a study."""

    alpha: float
    seed: int


def plan_groups(folder: RunFolder, wanted: Sequence[Network]) -> list[list[Network]]:
    """Networks that are trained together, those of earlier runs in the folder first.

    Networks that no earlier run has begun make up a group of their own.

    Raises:
      ConfigurationError: the folder's list of networks cannot be read.
    """
    groups = read_groups(folder)
    begun = {network for group in groups for network in group}
    new = [network for network in wanted if network not in begun]
    return [*groups, new] if new else groups


def write_groups(folder: RunFolder, groups: Sequence[Sequence[Network]]) -> None:
    """Keeps the groups for later runs, if they are not kept already."""
    kept = folder.networks.exists() and read_groups(folder) == [list(group) for group in groups]
    if not kept:
        content = [[network._asdict() for network in group] for group in groups]
        write_json(folder.networks, {"groups": content})


def wanted_groups(
    groups: Sequence[Sequence[Network]], wanted: Sequence[Network]
) -> Iterator[tuple[int, list[Network]]]:
    """Numbers and networks of the groups that hold a network that is asked for."""
    for number, group in enumerate(groups):
        if set(group) & set(wanted):
            yield number, list(group)


def read_groups(folder: RunFolder) -> list[list[Network]]:
    """Groups of networks of the runs in a folder so far.

    Without the list of them their checkpoints are asked.

    Raises:
      ConfigurationError: the folder's list of networks cannot be read.
    """
    if not folder.networks.exists():
        return list(_of_checkpoints(folder))
    try:
        content = json.loads(folder.networks.read_text())
        return [
            [Network(float(one["alpha"]), int(one["seed"])) for one in group]
            for group in content["groups"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"--output {folder.path}: its networks.json cannot be read; remove that file, and the "
            "checkpoints are asked for it."
        ) from None


def _of_checkpoints(folder: RunFolder) -> Iterator[list[Network]]:
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
            Network(float(str(alpha)), int(seed)) for alpha, seed in zip(alphas, seeds, strict=True)
        ]
