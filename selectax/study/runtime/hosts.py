"""Several hosts that run one sweep, by `jax.distributed`: the first one writes."""

import json
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import RunOptions


def join(options: RunOptions) -> None:
    """Joins the other hosts, if there are any; before anything else is done with JAX.

    Raises:
      ConfigurationError: they cannot be found.
    """
    if options.coordinator is None:
        return
    where: dict[str, Any] = {}
    if options.coordinator != "auto":
        where = {
            "coordinator_address": options.coordinator,
            "num_processes": options.hosts,
            "process_id": options.host,
        }
    try:
        jax.distributed.initialize(**where)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(
            f"--coordinator {options.coordinator}: the hosts do not find each other ({reason}); "
            "give HOST:PORT of the first with --hosts and --host."
        ) from None


def is_first() -> bool:
    """Whether this host is the one that writes."""
    return jax.process_index() == 0


def wait_for_all(what: str) -> None:
    """Until all hosts have come to this point, which has a name of its own."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)


def largest(*numbers: int) -> tuple[int, ...]:
    """Each number where it is largest, so that all hosts decide alike; each of them has to ask."""
    if jax.process_count() == 1:
        return numbers
    of_all = multihost_utils.process_allgather(np.array(numbers))
    return tuple(of_all.max(axis=0).tolist())


def from_all(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of all hosts; each of them has to ask."""
    if jax.process_count() == 1:
        return list(rows)
    encoded = np.frombuffer(json.dumps(rows, default=_plain).encode(), np.uint8)
    lengths = multihost_utils.process_allgather(np.array(len(encoded)))
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: len(encoded)] = encoded
    gathered = multihost_utils.process_allgather(padded)
    parts = [
        json.loads(bytes(part[:length])) for part, length in zip(gathered, lengths, strict=True)
    ]
    return [row for part in parts for row in part]


def _plain(number: Any) -> float | int:
    return np.asarray(number).item()
