"""The table of an evaluation on disk: gone on with if it is of the same, else never replaced."""

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
    """What rows depend on, besides which network of a sweep they are of, in types that JSON has."""
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
    """The table so far, empty at first; what determines it is kept beside it.

    Args:
      path: the CSV file.
      determines: of `what_determines`.

    Raises:
      ConfigurationError: the file holds results of something else.
    """
    # A name of its own: config.json of a run may lie in the same folder.
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
    """Measures that the table holds of a network.

    Raises:
      ConfigurationError: they are of another epoch, as of a sweep that was trained further since.
    """
    alpha = table["alpha"]
    of_alpha = alpha.isna() if math.isnan(network.alpha) else alpha == network.alpha
    epochs = set(table.loc[of_alpha & (table["seed"] == network.seed), "epoch"])
    if epochs - {epoch}:
        raise ConfigurationError(
            f"--output {path}: holds alpha {network.alpha:g} seed {network.seed} after epoch "
            f"{min(epochs)}, but the best epoch is {epoch} now; name another file with --output, "
            "or remove it."
        )
    return results.measures_in(table, *network)


def _holds(beside: Path, determines: dict[str, Any]) -> bool:
    try:
        return json.loads(beside.read_text()) == determines
    except (OSError, ValueError):
        return False
