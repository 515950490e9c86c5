"""Communication between the hosts of one sweep with `jax.distributed`; only the first writes."""

import json
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import RunOptions


def join(options: RunOptions) -> None:
    """Connects to the other hosts, if any; call it before any other JAX computation.

    Raises:
      ConfigurationError: the hosts cannot connect.
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
            f"--coordinator {options.coordinator}: the hosts cannot connect ({reason}); give "
            "HOST:PORT of the first host, with --hosts and --host."
        ) from None


def is_first() -> bool:
    """Whether this is the first host, which writes all files."""
    return jax.process_index() == 0


def wait_for_all(what: str) -> None:
    """Blocks until all hosts reach this point, which must have a unique name."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)


def largest(*numbers: int) -> tuple[int, ...]:
    """Returns the maximum of each number over all hosts, so that they take the same decisions.

    Every host must call it.
    """
    if jax.process_count() == 1:
        return numbers
    of_all = multihost_utils.process_allgather(np.array(numbers))
    return tuple(of_all.max(axis=0).tolist())


def from_all(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of all hosts, in the order of the hosts; every host must call it."""
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
