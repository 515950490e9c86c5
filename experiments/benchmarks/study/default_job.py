"""The whole default job beside the same work done in the plain way, `plain_study.py`.

Both are programs of their own, and all of them counts: import, compilation, training, measuring
and writing the table. Not quite the same work, and what differs favours the plain way: it gets its
images from a file that is made beforehand, looks for no masked gradients, keeps no checkpoints, and
makes no figures and no report. That both measured the same is checked by their tables.

  python experiments/benchmarks/study/default_job.py [--alpha 0 --seeds 1 --epochs 1]
"""

import collections
import dataclasses
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import tyro
from rich.console import Console
from rich.table import Table

from experiments.benchmarks.shared.contest import Aims, Contest
from experiments.benchmarks.shared.machine import machine
from selectax import datasets
from selectax.study.run import results

HERE = Path(__file__).resolve().parent
# What the libraries of the plain way have no counterpart of.
LACKED = frozenset({"masked_gradients", "dead_units", "share_selective", "effective_rank"})
# It measures no gradients of the images either.
MEASURES = ("selectivity", "corruptions", "attacks", "dimensionality")
# Of a measurement; of the epochs, both may find another one best.
KEY = ("alpha", "seed", "metric", "layer", "perturbation", "severity", "epsilon", "steps")
AIM = 1.0


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """How our sweep is run."""

    no_report: bool = False
    """Draw no figures and write no report, as the plain way does."""
    cached: bool = False
    """Take compiled programs of earlier runs from the folder JAX_COMPILATION_CACHE_DIR."""


@dataclasses.dataclass(frozen=True)
class Options(SweepOptions):
    """Prints a table of times and their ratio."""

    alpha: tuple[float, ...] = (-5.0, -1.0, 0.0, 0.4, 1.0, 2.0)
    """Strengths of the regularizer, in both."""
    seeds: int = 4
    """Networks per alpha, in both."""
    epochs: int = 4
    """Passes over the training set, in both."""
    corruptions: tuple[str, ...] = ()
    """Names of corruptions, in both; by default those of the job."""


class Run(NamedTuple):
    """A program's time, in seconds: what passed, what processors spent on it; and the load then."""

    wall: float
    processor: float
    load: float
    table: pd.DataFrame


def run_ours(options: Options, folder: Path) -> Run:
    output = folder / "selectax"
    words = ["--output", output, "--measures", *MEASURES, *flags(options)]
    return run_sweep(words, output, options)


def run_sweep(words: Sequence[str | Path], output: Path, options: SweepOptions) -> Run:
    """Runs experiments/sweep.py, whose words name the output."""
    ends = ["--no-report"] if options.no_report else []
    return timed([HERE.parents[1] / "sweep.py", *words, *ends], output, options.cached)


def run_theirs(options: Options, folder: Path) -> Run:
    data, output = folder / "digits.npz", folder / "plain.csv"
    save_data(data, "digits")
    program = [HERE / "plain_study.py", "--data", data, "--output", output]
    return timed([*program, *flags(options)], output)


def run_both(options: Options) -> tuple[Run, Run]:
    """Ours, and then the plain way."""
    with tempfile.TemporaryDirectory() as folder:
        return run_ours(options, Path(folder)), run_theirs(options, Path(folder))


def save_data(
    path: Path, dataset: str, limits: Mapping[str, int] = MappingProxyType({}), **options
) -> None:
    """The first images and labels of each split, by default all; options are those of `load`."""
    arrays = {}
    for split in ("train", "validation", "test"):
        images, labels = datasets.load(dataset, split, **options)
        limit = limits.get(split)
        arrays |= {f"{split}_images": images[:limit], f"{split}_labels": labels[:limit]}
    np.savez(path, **arrays)


def flags(options: Options) -> list[str]:
    alphas = [f"{alpha:g}" for alpha in options.alpha]
    counts = ["--seeds", str(options.seeds), "--epochs", str(options.epochs)]
    corruptions = ["--corruptions", *options.corruptions] if options.corruptions else []
    return ["--alpha", *alphas, *counts, *corruptions]


def timed(program: Sequence[str | Path], output: Path, cached: bool = False) -> Run:
    """Runs a program, by default so that its compiling counts, and reads the table that it leaves.

    Args:
      program: its file and words.
      output: where it leaves its table.
      cached: whether it takes compiled programs of earlier runs.
    """
    before, start = processor_seconds(), time.perf_counter()
    command = [sys.executable, *map(str, program)]
    environment = dict(os.environ) if cached else uncached()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    wall, processor = time.perf_counter() - start, processor_seconds() - before
    return Run(wall, processor, os.getloadavg()[0], results.load(output))


def uncached() -> dict[str, str]:
    """The environment without programs that an earlier run compiled, for compilation counts."""
    return {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}


def processor_seconds() -> float:
    """Of all programs that this one ran."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measurements(table: pd.DataFrame) -> collections.Counter[tuple]:
    """What a table's rows are of; those of the epochs in training are alike, and counted."""
    keys = table[list(KEY)].round({"epsilon": 9}).astype(str).fillna("")
    return collections.Counter(keys.itertuples(index=False, name=None))


def differences(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    """A line for each measurement that one of the tables lacks."""
    of_perturbed = (ours["metric"] == "class_selectivity") & (ours["perturbation"] != "")
    expected = measurements(ours[~ours["metric"].isin(LACKED) & ~of_perturbed])
    found = measurements(theirs)
    lacking = [f"the plain way lacks {key}" for key in (expected - found).elements()]
    return lacking + [f"selectax lacks {key}" for key in (found - expected).elements()]


def contest(options: Options = Options()) -> Contest:
    """Each once, for a round takes minutes."""
    networks = len(options.alpha) * options.seeds
    return contest_of("The whole default job", *run_both(options), networks, AIM)


def contest_of(title: str, ours: Run, theirs: Run, networks: int, aim: float) -> Contest:
    """Compares the tables, too."""
    found = differences(ours.table, theirs.table)
    if found:
        raise AssertionError("\n".join(found))
    return Contest(
        title,
        {"selectax": [ours.wall], "PyTorch and kin": [theirs.wall]},
        work=networks,
        unit="networks",
        peer="PyTorch and kin",
        aims=Aims(aim, aim, gpu=aim),
    )


def time_table(title: str, aim: float, ours: Run, theirs: Run) -> Table:
    """Times, and theirs in parts of ours."""
    table = Table(title=title, caption=f"of ours; aim ≥ {aim:g}")
    for heading in ("", "seconds", "of ours", "processor seconds", "of ours", "load"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, one in (("selectax", ours), ("the plain way, without figures", theirs)):
        ratios = one.wall / ours.wall, one.processor / ours.processor
        table.add_row(
            name,
            f"{one.wall:.1f}",
            f"{ratios[0]:.2f}",
            f"{one.processor:.1f}",
            f"{ratios[1]:.2f}",
            f"{one.load:.1f}",
        )
    return table


def outcome_table(ours: Run, theirs: Run) -> Table:
    """Means over the networks of each alpha, as evidence that both trained and measured alike."""
    summaries = {
        "selectax": results.summarize(ours.table),
        "the plain way": results.summarize(theirs.table),
    }
    columns = [name for name in summaries["selectax"] if name not in ("networks", "diverged")]
    table = Table("", *columns, title="Means over seeds")
    for name, summary in summaries.items():
        for _, row in summary.iterrows():
            table.add_row(name, *(f"{row[column]:.3g}" for column in columns))
    return table


def mean_clean_accuracy(table: pd.DataFrame) -> float:
    """Over all networks."""
    clean = (table["metric"] == "accuracy") & (table["perturbation"] == "")
    return table.loc[clean, "value"].mean()


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    ours, theirs = run_both(options)
    console = Console(width=110)
    console.print(time_table("The default job", AIM, ours, theirs))
    console.print(outcome_table(ours, theirs))
    accuracies = mean_clean_accuracy(ours.table), mean_clean_accuracy(theirs.table)
    console.print("Mean clean accuracy: {:.4f} and {:.4f} in the plain way".format(*accuracies))
    found = differences(ours.table, theirs.table)
    console.print(
        f"Measurements: {len(ours.table)} and {len(theirs.table)} rows; {len(found)} differ "
        f"beside {', '.join(sorted(LACKED))}"
    )
    for line in found[:10]:
        console.print(line)
    console.print(machine())
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
