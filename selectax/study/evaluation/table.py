"""Keeps the table of an evaluation on disk.

A repeated evaluation continues its own table. It never replaces a table of another evaluation.
"""

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.run import results
from selectax.study.run.folder import RunFolder, write_json
from selectax.study.run.networks import NetworkId


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


def begin_table(path: Path, determines: dict[str, Any]) -> pd.DataFrame:
    """Reads the table so far. A new table is empty, and its settings are saved in a file beside it.

    Args:
      path: path of the CSV file.
      determines: settings from `what_determines`.

    Raises:
      ConfigurationError: if the file has results of other settings.
    """
    # The file is not called config.json, because a run may have one in the same folder.
    beside = path.with_suffix(".evaluation.json")
    others = [file for file in (path, path.with_suffix(".parquet")) if file.exists()]
    if not others:
        write_json(beside, determines)
        return results.table([])
    if not _holds(beside, determines):
        raise ConfigurationError(
            f"--output {path}: {others[0].name} holds something else than results of these weights "
            "and options; name another file with --output, or remove it."
        )
    try:
        return results.load(path) if path.exists() else results.table([])
    except ValueError as error:
        raise ConfigurationError(f"--output {error}") from None


def measures_held(path: Path, table: pd.DataFrame, network: NetworkId, epoch: int) -> set[str]:
    """Returns the measures of a network that the table already has.

    Raises:
      ConfigurationError: if the rows are from another epoch, for example because the sweep has been
        trained further since.
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
    return results.measures_in(table, *network, together=False)


def _holds(beside: Path, determines: dict[str, Any]) -> bool:
    try:
        return json.loads(beside.read_text()) == determines
    except (OSError, ValueError):
        return False
