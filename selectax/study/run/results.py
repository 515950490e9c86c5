"""The results table: tidy, one row a measurement, kept as CSV; and as Parquet for other tools."""

import itertools
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from selectax.study.run.strongest_pgd import is_strongest_pgd
from selectax.study.runtime.whole_files import whole_file

Row = dict[str, Any]

_TYPES = {
    "dataset": "str",
    "model": "str",
    "alpha": "float64",
    "seed": "int64",
    "epoch": "int64",
    "metric": "str",
    "layer": "str",
    "perturbation": "str",
    "severity": "Int64",
    "epsilon": "float64",
    "steps": "Int64",
    "value": "float64",
}
_PARQUET = ".parquet"
# As pandas 3 reads floats anyway; pandas 2 would change their last bits.
_EXACTLY: Any = {"float_precision": "round_trip"} if pd.__version__ < "3" else {}
# As text, what a row has in a column that does not apply to it.
_NOTHING = ("", "nan", "<NA>")
COLUMNS = tuple(_TYPES)


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """Makes a results table; what a row lacks does not apply to it.

    Args:
      rows: in any order, each with some of COLUMNS. `layer` is empty for a whole network,
        `perturbation` for clean images, and `epsilon` (of images in [0, 1]), `severity` and `steps`
        where there are none.

    Returns:
      The rows in an order of their own, so that the same measurements give the same table.

    Raises:
      ValueError: a column is unknown, or two rows are of the same measurement.
    """
    rows = list(rows)
    unknown = {name for row in rows for name in row} - set(COLUMNS)
    if unknown:
        raise ValueError(f"rows have unknown columns {sorted(unknown)}; known are {COLUMNS}.")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("layer", "perturbation"):
        frame[name] = frame[name].astype("object").fillna("")
    return _checked(frame.astype(_TYPES))


def merge(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The measurements of both tables.

    Raises:
      ValueError: both hold the same measurement.
    """
    return _checked(pd.concat([part for part in (one, other) if len(part)] or [one]))


def save(path: Path, frame: pd.DataFrame) -> None:
    """Writes a table wholly or not at all; floats come back as they were.

    Args:
      path: a Parquet file if it ends in .parquet, else a CSV file.
      frame: the table.
    """
    with whole_file(path, "wb") as file:
        if path.suffix == _PARQUET:
            frame.to_parquet(file, index=False)
        else:
            frame.to_csv(file, index=False, lineterminator="\n")


def load(paths: os.PathLike | str | Iterable[os.PathLike | str]) -> pd.DataFrame:
    """Reads a table, or those of several runs as one.

    A measurement that several files hold is taken once.

    Args:
      paths: one or several of: a CSV or Parquet file, the folder of a run.

    Raises:
      ValueError: a file holds no results table, or two hold other values of the same measurement;
        one sentence that names them.
      OSError: a file cannot be read.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    files = [table_in(path) if path.is_dir() else path for path in map(Path, paths)]
    frames = [_read(file) for file in files]
    if len(frames) == 1:
        return frames[0]
    for (file, frame), (other_file, other) in itertools.combinations(
        zip(files, frames, strict=True), 2
    ):
        _check_alike(frame, file, other, other_file)
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return table([])
    return _checked(pd.concat(filled).drop_duplicates(list(COLUMNS[:-1])))


load_results = load  # as it is called outside of this module


def table_in(folder: Path) -> Path:
    """The file of a run's table: CSV, or Parquet where that alone was kept; it need not exist."""
    as_csv, in_parquet = folder / "results.csv", folder / "results.parquet"
    return as_csv if as_csv.exists() or not in_parquet.exists() else in_parquet


def measures_in(frame: pd.DataFrame, alpha: float, seed: int) -> set[str]:
    """What a table without a record of its measures holds of a network.

    Returns:
      Of "training", "diverged", "clean" and the names of our own measures.
    """
    # A network of a file has no alpha.
    same_alpha = frame["alpha"].isna() if math.isnan(alpha) else frame["alpha"] == alpha
    rows = frame[same_alpha & (frame["seed"] == seed)]
    metrics, perturbations = set(rows["metric"]), set(rows["perturbation"])
    # These were measured together.
    is_clean = ((rows["perturbation"] == "") & (rows["metric"] == "accuracy")).any()
    signs = {
        "training": "train_loss" in metrics,
        "diverged": "diverged" in metrics,
        "clean": is_clean,
        "selectivity": is_clean,
        "dimensionality": is_clean,
        "corruptions": "corruptions" in perturbations,
        "attacks": "masked_gradients" in metrics,
        "input_gradients": "input_gradient_cv" in metrics,
        "ablation": any(name.startswith("ablation:") for name in perturbations),
        "indices": "d_prime" in metrics,
    }
    return {part for part, found in signs.items() if found}


def summarize(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over the networks of each alpha, one row an alpha.

    Returns:
      Columns `networks`, `diverged` if any has, and of what was measured: `class selectivity`,
      `clean accuracy`, and the mean accuracy over the strengths of each kind of perturbation,
      `corruptions`, `fgsm`, `pgd`, the last with the most steps.
    """
    whole = frame[frame["layer"] == ""]
    accuracy = whole[(whole["metric"] == "accuracy") & (whole["epsilon"] != 0)]
    parts = {
        "class selectivity": whole[whole["metric"] == "class_selectivity"],
        "clean accuracy": accuracy[accuracy["perturbation"] == ""],
        "corruptions": accuracy[accuracy["perturbation"] == "corruptions"],
        "fgsm": accuracy[accuracy["perturbation"] == "fgsm"],
        "pgd": accuracy[is_strongest_pgd(accuracy)],
    }
    means = {
        name: part.groupby("alpha", dropna=False)["value"].mean()
        for name, part in parts.items()
        if len(part)
    }
    networks = frame.groupby("alpha", dropna=False)["seed"].nunique()
    diverged = frame[frame["metric"] == "diverged"].groupby("alpha", dropna=False)["seed"].nunique()
    counts = {"networks": networks}
    if len(diverged):
        counts["diverged"] = diverged.reindex(networks.index, fill_value=0)
    return pd.DataFrame({**counts, **means}).reset_index()


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == _PARQUET:
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(
                path,
                dtype=_TYPES,
                na_values={name: [""] for name, kind in _TYPES.items() if kind != "str"},
                keep_default_na=False,
                **_EXACTLY,
            )
        if tuple(frame.columns) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(frame.columns)}")
        return _checked(frame.astype(_TYPES))
    except (ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: no results table ({reason}).") from error


def _check_alike(one: pd.DataFrame, file: Path, other: pd.DataFrame, other_file: Path) -> None:
    measurement = list(COLUMNS[:-1])
    both = one.merge(other, on=measurement, suffixes=("", "_other"))
    value, other_value = both["value"], both["value_other"]
    differing = both[(value != other_value) & ~(value.isna() & other_value.isna())]
    if len(differing):
        row = differing.iloc[0]
        applying = {name: row[name] for name in measurement if str(row[name]) not in _NOTHING}
        which = ", ".join(f"{name} {value}" for name, value in applying.items())
        raise ValueError(
            f"{file} and {other_file}: hold {row['value']} and {row['value_other']} of one "
            f"measurement ({which}); load one of them."
        )


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    measurement = list(COLUMNS[:-1])
    twice = frame.duplicated(measurement)
    if twice.any():
        raise ValueError(f"two rows are of the same measurement, {dict(frame[twice].iloc[0])}.")
    return frame.sort_values(measurement, ignore_index=True)
