"""A study as a set of networks to be trained: which are done, and which are trained together."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from selectax.study.config import ConfigurationError
from selectax.study.folder import RunFolder, write_json


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
    if read_groups(folder) != [list(group) for group in groups]:
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

    Raises:
      ConfigurationError: the folder's list of networks cannot be read.
    """
    if not folder.networks.exists():
        return []
    try:
        content = json.loads(folder.networks.read_text())
        return [
            [Network(float(one["alpha"]), int(one["seed"])) for one in group]
            for group in content["groups"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"--output {folder.path}: its networks.json cannot be read; choose another folder."
        ) from None
