"""Keeps the table of an evaluation on disk.

A repeated evaluation continues its own table. It never replaces a table of another evaluation. The
settings of a sweep do not identify its networks: the same flags give other networks on another
machine or by another version. So the table's record has a digest of each network's weights, which
stays the same while a resumed sweep adds networks.
"""

import dataclasses
import hashlib
import json
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.run import results
from selectax.study.run.folder import NETWORKS, RunFolder, write_json
from selectax.study.run.locks import Place, alone_at
from selectax.study.run.networks import NetworkId, Progress, matching, network_of, record_of

_RECORD = "measured"
_SWEEP, _WEIGHTS = "sweep", "weights"


def what_determines(
    config: EvaluateConfig,
    model: str,
    dataset: str,
    evaluation: EvaluationOptions,
    test_images: int,
) -> dict[str, Any]:
    """Returns the settings that determine the rows, as JSON types.

    The alphas and seeds of a sweep's networks are not included, because the rows contain them.
    """
    if config.weights.is_dir():
        weights = {_SWEEP: json.loads(RunFolder(config.weights).config.read_text())}
    else:
        weights = {"sha256": hashlib.sha256(config.weights.read_bytes()).hexdigest()}
    of_file = ("mean", "deviation", "max_pool", "class_order", "key")
    flags = {name: getattr(config, name) for name in of_file}
    options = dataclasses.asdict(evaluation)
    images = {"dataset": dataset, "test_images": test_images}
    content = {**weights, "model": model, **images, **flags, **options}
    return _without_networks(json.loads(json.dumps(content)))


def digest_of(variables: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of the arrays of a network, with their names, types and shapes."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(variables):
        name = "/".join(str(part.key) for part in path)
        array = np.asarray(leaf)
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@contextmanager
def alone_with(path: Path, warn: Callable[[str], None] = print) -> Iterator[None]:
    """Locks a table and the files beside it for this process.

    Args:
      path: path of the CSV file, in an existing folder.
      warn: called with a sentence if the file system has no locks and a file replaces the lock.

    Raises:
      ConfigurationError: another evaluation uses the file, or its folder cannot be written.
    """
    # Tables whose names differ in their suffix alone share the files beside them.
    locks = (path.with_name(f".{path.stem}.{suffix}") for suffix in ("lock", "lock_file"))
    place = Place(path, "file", "evaluation", *locks)
    with alone_at(place, warn):
        try:
            yield
        finally:
            # An evaluation that was refused leaves no file.
            if not _beside(path).exists():
                place.lock.unlink(missing_ok=True)


def begin_table(
    path: Path, determines: dict[str, Any]
) -> tuple[pd.DataFrame, dict[NetworkId, Progress]]:
    """Reads the table so far, and which measures of each network are done.

    A new table is empty, and its settings are saved in a file beside it. Rows of a network are
    dropped if their number differs from the recorded one, because the evaluation was killed between
    writing the table and the record. Evaluations of earlier versions have no record; what their
    table contains is inferred.

    Args:
      path: path of the CSV file.
      determines: settings from `what_determines`.

    Raises:
      ConfigurationError: if the file has results of other settings.
    """
    others = [file for file in (path, path.with_suffix(".parquet")) if file.exists()]
    if not others:
        write_record(path, determines, {})
        return results.table([]), {}
    before = _without_networks(_read(_beside(path)))
    entries = before.pop(_RECORD, None)
    if before != determines:
        raise ConfigurationError(
            f"--output {path}: {others[0].name} holds something else than results of these weights "
            "and options; name another file with --output, or remove it."
        )
    try:
        table = results.load(path) if path.exists() else results.table([])
    except ValueError as error:
        raise ConfigurationError(f"--output {error}") from None
    progress, table = matching(table, entries, together=False)
    return table, progress


def recorded_weights(path: Path) -> dict[NetworkId, str]:
    """Reads the digests of the measured networks; evaluations of earlier versions have none."""
    entries = _read(_beside(path)).get(_RECORD, [])
    return {network_of(one): one[_WEIGHTS] for one in entries if _WEIGHTS in one}


def write_record(
    path: Path,
    determines: Mapping[str, Any],
    progress: Mapping[NetworkId, Progress],
    weights: Mapping[NetworkId, str] = types.MappingProxyType({}),
) -> None:
    """Writes the settings of an evaluation, and the measures that are done.

    Args:
      path: path of the CSV file.
      determines: settings from `what_determines`.
      progress: progress of each network.
      weights: digest of each network of a sweep, from `digest_of`.
    """
    entries = record_of(progress)
    for network, entry in zip(progress, entries, strict=True):
        if network in weights:
            entry[_WEIGHTS] = weights[network]
    # The file is not called config.json, because a run may have one in the same folder.
    write_json(_beside(path), {**determines, _RECORD: entries})


def check_weights(
    path: Path, recorded: Mapping[NetworkId, str], network: NetworkId, digest: str
) -> None:
    """Checks that a network has the weights with which it was measured, if these are recorded.

    Raises:
      ConfigurationError: it has others, for example because another sweep of the same settings
        trained it.
    """
    if recorded.get(network, digest) != digest:
        raise ConfigurationError(
            f"--output {path}: holds {network} with other weights than those of --weights, as of "
            "another sweep of the same settings; name another file with --output, or remove it."
        )


def check_epoch(path: Path, table: pd.DataFrame, network: NetworkId, epoch: int) -> None:
    """Checks that the rows of a network are of its best epoch.

    Raises:
      ConfigurationError: if they are of another one, for example because the sweep has been trained
        further since.
    """
    epochs = set(results.rows_of_network(table, *network)["epoch"])
    if epochs - {epoch}:
        raise ConfigurationError(
            f"--output {path}: holds {network} after epoch {min(epochs)}, but the best epoch is "
            f"{epoch} now; name another file with --output, or remove it."
        )


def _beside(path: Path) -> Path:
    return path.with_suffix(".evaluation.json")


def _without_networks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the flags that choose a sweep's networks, which a resumed sweep changes."""
    if _SWEEP not in settings:
        return dict(settings)
    flags = settings[_SWEEP]
    return {**settings, _SWEEP: {name: flags[name] for name in flags if name not in NETWORKS}}


def _read(beside: Path) -> dict[str, Any]:
    try:
        content = json.loads(beside.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
