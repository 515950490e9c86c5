"""The results table: tidy, one row per measurement, stored as CSV or Parquet."""

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
    "training": "str",
    "training_strength": "float64",
    "epoch": "int64",
    "metric": "str",
    "layer": "str",
    "perturbation": "str",
    "severity": "Int64",
    "epsilon": "float64",
    "steps": "Int64",
    "value": "float64",
}
# Columns that tables of earlier versions lack, and what they trained.
_TRAINING = {"training": "standard", "training_strength": 0.0}
_PARQUET = ".parquet"
# pandas 3 parses floats exactly by default; pandas 2 would change their last bits.
_EXACTLY: Any = {"float_precision": "round_trip"} if pd.__version__ < "3" else {}
# Text of an empty cell, which a row has in columns that do not apply to it.
_NOTHING = ("", "nan", "<NA>")
COLUMNS = tuple(_TYPES)


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """Makes a results table from rows.

    Args:
      rows: rows in any order. Each row may omit columns that do not apply to it: `layer` for a
        whole network, `perturbation` for clean images, `epsilon` (in units of images in [0, 1]),
        `severity` and `steps` for perturbations that do not have them, and `training` and
        `training_strength` for standard training.

    Returns:
      The table, sorted so that equal measurements give equal tables.

    Raises:
      ValueError: a column is unknown, or two rows describe the same measurement.
    """
    rows = list(rows)
    unknown = {name for row in rows for name in row} - set(COLUMNS)
    if unknown:
        raise ValueError(f"rows have unknown columns {sorted(unknown)}; use only {COLUMNS}.")
    frame = with_training(pd.DataFrame(rows, columns=list(COLUMNS)))
    for name in ("layer", "perturbation"):
        frame[name] = frame[name].astype("object").fillna("")
    return _checked(frame.astype(_TYPES))


def merge(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Concatenates two results tables.

    Raises:
      ValueError: both tables contain the same measurement.
    """
    return _checked(pd.concat([part for part in (one, other) if len(part)] or [one]))


def save(path: Path, frame: pd.DataFrame) -> None:
    """Writes a table atomically; `load` reads floats back exactly.

    Args:
      path: the file to write; Parquet if the name ends in .parquet, otherwise CSV.
      frame: the table.
    """
    with whole_file(path, "wb") as file:
        if path.suffix == _PARQUET:
            frame.to_parquet(file, index=False)
        else:
            frame.to_csv(file, index=False, lineterminator="\n")


def load(paths: os.PathLike | str | Iterable[os.PathLike | str]) -> pd.DataFrame:
    """Reads a results table, or joins the tables of several runs.

    A measurement that several files contain appears once in the joined table.

    Args:
      paths: one path or several; each is a CSV or Parquet file, or the folder of a run.

    Returns:
      The table.

    Raises:
      ValueError: a file is not a results table, or two files contain different values of the same
        measurement; one sentence that names the files.
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


load_results = load  # the public name of `load`


def table_in(folder: Path) -> Path:
    """The path of a run's table: the Parquet file if only that exists, otherwise the CSV file."""
    as_csv, in_parquet = folder / "results.csv", folder / "results.parquet"
    return as_csv if as_csv.exists() or not in_parquet.exists() else in_parquet


def with_training(frame: pd.DataFrame) -> pd.DataFrame:
    """Fills in standard training where a table does not say how networks were trained.

    Args:
      frame: a table with a column `seed`, after which columns that are missing are inserted.
    """
    frame = frame.copy()
    for name, value in _TRAINING.items():
        if name not in frame.columns:
            after = "seed" if name == "training" else "training"
            frame.insert(int(frame.columns.get_loc(after)) + 1, name, value)
        else:
            frame[name] = frame[name].astype("object").fillna(value)
    return frame


def rows_of_network(
    frame: pd.DataFrame, alpha: float, seed: int, training: str, training_strength: float
) -> pd.DataFrame:
    """Returns the rows of one network; alpha is NaN for a network that was loaded from a file."""
    same = frame["alpha"].isna() if math.isnan(alpha) else frame["alpha"] == alpha
    same &= frame["seed"] == seed
    same &= frame["training"] == training
    return frame[same & (frame["training_strength"] == training_strength)]


def measures_in(
    frame: pd.DataFrame,
    alpha: float,
    seed: int,
    training: str = "standard",
    training_strength: float = 0.0,
    *,
    together: bool = True,
) -> set[str]:
    """Infers which measures of a network a table contains, for runs that did not record them.

    Args:
      frame: results table.
      alpha: alpha of the network; NaN for a network that was loaded from a file.
      seed: seed of the network.
      training: name of the network's training method.
      training_strength: strength of the training method.
      together: whether clean accuracy stands for selectivity and dimensionality if no network of
        the table has these, as in runs that measured the three together.

    Returns:
      Names of built-in measures, and "training", "diverged" and "clean" if they apply.
    """
    rows = rows_of_network(frame, alpha, seed, training, training_strength)
    metrics, perturbations = set(rows["metric"]), set(rows["perturbation"])
    of_clean = set(rows.loc[rows["perturbation"] == "", "metric"])
    is_clean = "accuracy" in of_clean

    def of_clean_images(metric: str) -> bool:
        if together and not ((frame["perturbation"] == "") & (frame["metric"] == metric)).any():
            return is_clean
        return metric in of_clean

    signs = {
        "training": "train_loss" in metrics,
        "diverged": "diverged" in metrics,
        "clean": is_clean,
        "selectivity": of_clean_images("class_selectivity"),
        "dimensionality": of_clean_images("participation_ratio"),
        "corruptions": "corruptions" in perturbations,
        "attacks": "masked_gradients" in metrics,
        "input_gradients": "input_gradient_cv" in metrics,
        "ablation": any(name.startswith("ablation:") for name in perturbations),
        "indices": "d_prime" in metrics,
        "bases": "class_selectivity_rotated" in metrics,
        "intrinsic_dimension": "intrinsic_dimension" in metrics,
    }
    return {part for part, found in signs.items() if found}


def summarize(frame: pd.DataFrame) -> pd.DataFrame:
    """Averages results over the networks of each alpha and strength of training; a row for each.

    Args:
      frame: results table.

    Returns:
      A table with the columns `alpha`, `training` and `training_strength` if there are methods
      other than standard training, `networks` (number of networks), `diverged` (number of
      diverged networks, if any), and, if measured, `class selectivity`, `clean accuracy`, and the
      mean accuracy over all strengths of `corruptions`, `fgsm` and `pgd` (with the most steps).
    """
    whole = frame[frame["layer"] == ""]
    accuracy = whole[(whole["metric"] == "accuracy") & (whole["epsilon"] != 0)]
    clean = whole[whole["perturbation"] == ""]
    parts = {
        "class selectivity": clean[clean["metric"] == "class_selectivity"],
        "clean accuracy": accuracy[accuracy["perturbation"] == ""],
        "corruptions": accuracy[accuracy["perturbation"] == "corruptions"],
        "fgsm": accuracy[accuracy["perturbation"] == "fgsm"],
        "pgd": accuracy[is_strongest_pgd(accuracy)],
    }
    keys = ["alpha"] if (frame["training"] == "standard").all() else ["alpha", *_TRAINING]
    means = {
        name: part.groupby(keys, dropna=False)["value"].mean()
        for name, part in parts.items()
        if len(part)
    }
    networks = frame.groupby(keys, dropna=False)["seed"].nunique()
    diverged = frame[frame["metric"] == "diverged"].groupby(keys, dropna=False)["seed"].nunique()
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
        if tuple(frame.columns) == tuple(name for name in COLUMNS if name not in _TRAINING):
            frame = with_training(frame)
        if tuple(frame.columns) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(frame.columns)}")
        return _checked(frame.astype(_TYPES))
    except (ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: is not a results table ({reason}).") from error


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
            f"{file} and {other_file}: contain different values of the same measurement, "
            f"{row['value']} and {row['value_other']} ({which}); load only one of these files."
        )


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    measurement = list(COLUMNS[:-1])
    twice = frame.duplicated(measurement)
    if twice.any():
        raise ValueError(
            f"two rows describe the same measurement, {dict(frame[twice].iloc[0])}; remove one."
        )
    return frame.sort_values(measurement, ignore_index=True)
