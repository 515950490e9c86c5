"""Keeps the table of an evaluation on disk.

A repeated evaluation continues its own table. It never replaces a table of another evaluation.
"""

import collections
import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.run import results
from selectax.study.run.folder import RunFolder, write_json
from selectax.study.run.networks import NetworkId, Progress

# Alpha of a network that was loaded from a file.
UNKNOWN_ALPHA = math.nan
_RECORD = "measured"


def what_determines(
    config: EvaluateConfig,
    model: str,
    dataset: str,
    evaluation: EvaluationOptions,
    test_images: int,
) -> dict[str, Any]:
    """Returns the settings that determine the rows, as JSON types.

    The alpha and seed of a sweep's network are not included, because the rows contain them.
    """
    if config.weights.is_dir():
        weights = {"sweep": json.loads(RunFolder(config.weights).config.read_text())}
    else:
        weights = {"sha256": hashlib.sha256(config.weights.read_bytes()).hexdigest()}
    of_file = ("mean", "deviation", "max_pool", "class_order", "key")
    flags = {name: getattr(config, name) for name in of_file}
    options = dataclasses.asdict(evaluation)
    images = {"dataset": dataset, "test_images": test_images}
    content = {**weights, "model": model, **images, **flags, **options}
    return json.loads(json.dumps(content))


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
        write_record(path, determines, {}, {})
        return results.table([]), {}
    before = _read(_beside(path))
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
    owners = [_network(row) for row in table[list(NetworkId._fields)].to_dict("records")]
    number = collections.Counter(owners)
    if entries is None:
        return table, {
            whose: Progress(frozenset(results.measures_in(table, *whose, together=False)), rows)
            for whose, rows in number.items()
        }
    recorded = {
        _network(entry): Progress(frozenset(entry["measures"]), entry["rows"]) for entry in entries
    }
    whole = {whose: done for whose, done in recorded.items() if number[whose] == done.rows}
    return table[[whose in whole for whose in owners]], whole


def write_record(
    path: Path,
    determines: Mapping[str, Any],
    progress: Mapping[NetworkId, Progress],
    epochs: Mapping[NetworkId, int],
) -> None:
    """Writes the settings of an evaluation, and the measures that are done.

    Args:
      path: path of the CSV file.
      determines: settings from `what_determines`.
      progress: progress of each network.
      epochs: epoch of each network.
    """
    entries = [
        {
            **whose._asdict(),
            "alpha": None if math.isnan(whose.alpha) else whose.alpha,
            "epoch": epochs.get(whose),
            "measures": sorted(done.measures),
            "rows": done.rows,
        }
        for whose, done in progress.items()
    ]
    # The file is not called config.json, because a run may have one in the same folder.
    write_json(_beside(path), {**determines, _RECORD: entries})


def check_epoch(path: Path, table: pd.DataFrame, network: NetworkId, epoch: int) -> None:
    """Checks that the rows of a network are of its best epoch.

    Raises:
      ConfigurationError: if they are of another one, for example because the sweep has been trained
        further since.
    """
    alpha = table["alpha"]
    same = alpha.isna() if math.isnan(network.alpha) else alpha == network.alpha
    for column in ("seed", "training", "training_strength"):
        same &= table[column] == getattr(network, column)
    epochs = set(table.loc[same, "epoch"])
    if epochs - {epoch}:
        raise ConfigurationError(
            f"--output {path}: holds {network} after epoch {min(epochs)}, but the best epoch is "
            f"{epoch} now; name another file with --output, or remove it."
        )


def _network(entry: Mapping[str, Any]) -> NetworkId:
    """Returns the network of a row of the table or an entry of the record."""
    # The same NaN for all, because other NaNs do not compare equal.
    alpha = entry["alpha"]
    whose = NetworkId(*(entry[name] for name in NetworkId._fields))
    return whose._replace(alpha=UNKNOWN_ALPHA if alpha is None or math.isnan(alpha) else alpha)


def _beside(path: Path) -> Path:
    return path.with_suffix(".evaluation.json")


def _read(beside: Path) -> dict[str, Any]:
    try:
        content = json.loads(beside.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
