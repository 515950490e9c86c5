"""One network of the study `resnet8_cifar10` beside the same work in the plain way.

Trained for 24 epochs on 5,000 images, and measured under all corruptions and attacks of the study,
on 1,000 test images; input gradients, ablation and other indices are left out, for the plain way
(`plain_study.py`) has none. It works with the archives in the folder that SELECTAX_REAL_DATA names.

  python experiments/benchmarks/study/one_network.py [--epochs 1]
"""

import dataclasses
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console

from experiments.benchmarks.shared.contest import Aims, Contest
from experiments.benchmarks.shared.machine import machine
from experiments.benchmarks.study.default_job import (
    MEASURES,
    Run,
    differences,
    outcome_table,
    time_table,
    timed,
)
from selectax import datasets
from selectax.corruptions import CORRUPTIONS

HERE = Path(__file__).resolve().parent
AIM = 0.9


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints a table of times and their ratio."""

    epochs: int = 24
    """Passes over the training set, in both."""
    train_limit: int = 5000
    """Training images, of the study's 13,500."""
    images: int = 1000
    """Test images."""
    attack_images: int = 256
    """Test images that are attacked."""
    corruptions: tuple[str, ...] = tuple(CORRUPTIONS)
    """Names of corruptions."""


def run_both(options: Options) -> tuple[Run, Run]:
    """Ours, and then the plain way."""
    shared = {
        "alpha": ["0"],
        "seeds": ["1"],
        "epochs": [str(options.epochs)],
        "batch-size": ["64"],
        "corruptions": [*options.corruptions],
        "attack-images": [str(options.attack_images)],
        "epsilons": ["0.5", "1", "2", "4", "8"],
        "pgd-steps": ["1", "5", "20"],
    }
    archives = os.environ["SELECTAX_REAL_DATA"]
    of_ours = {
        "dataset": ["cifar10"],
        "archives": [archives],
        "allow-unverified-archives": [],
        "model": ["resnet8"],
        "learning-rate": ["0.1"],
        "measures": [*MEASURES],
        "corrupted-images": ["own"],
        "evaluation-images": [str(options.images)],
        "train-limit": [str(options.train_limit)],
    }
    with tempfile.TemporaryDirectory() as folder:
        data, ours, theirs = (Path(folder, name) for name in ("data.npz", "ours", "theirs.csv"))
        of_ours |= {"output": [str(ours)], "data-dir": [f"{folder}/prepared"]}
        of_theirs = {
            "dataset": ["cifar10"],
            "mirror": [],
            "data": [str(data)],
            "output": [str(theirs)],
        }
        save_data(data, options, archives, of_ours["data-dir"][0])
        return (
            timed([HERE.parents[1] / "sweep.py", *words(shared | of_ours)], ours),
            timed([HERE / "plain_study.py", *words(shared | of_theirs)], theirs),
        )


def words(flags: dict[str, list[str]]) -> list[str]:
    return [word for flag, values in flags.items() for word in (f"--{flag}", *values)]


def save_data(path: Path, options: Options, archives: str, data_dir: str) -> None:
    limits = {"train": options.train_limit, "validation": None, "test": options.images}
    arrays = {}
    for split, limit in limits.items():
        images, labels = datasets.load(
            "cifar10",
            split,
            archives=archives,
            data_dir=data_dir,
            allow_unverified_archives=True,
        )
        arrays |= {f"{split}_images": images[:limit], f"{split}_labels": labels[:limit]}
    np.savez(path, **arrays)


def contest(options: Options = Options()) -> Contest:
    """Each once, for a round takes minutes; the tables are compared, too."""
    ours, theirs = run_both(options)
    found = differences(ours.table, theirs.table)
    if found:
        raise AssertionError("\n".join(found))
    return Contest(
        f"A ResNet-8 on CIFAR-10, trained for {options.epochs} epochs and measured",
        {"selectax": [ours.wall], "PyTorch and kin": [theirs.wall]},
        work=1,
        unit="networks",
        peer="PyTorch and kin",
        aims=Aims(AIM, AIM, gpu=AIM),
    )


def main() -> int:
    if "SELECTAX_REAL_DATA" not in os.environ:
        print("SELECTAX_REAL_DATA: not set; name the folder of the archives.", file=sys.stderr)
        return 2
    ours, theirs = run_both(tyro.cli(Options, description=__doc__))
    console = Console(width=110)
    console.print(time_table("One network on CIFAR-10", AIM, ours, theirs))
    console.print(outcome_table(ours, theirs))
    found = differences(ours.table, theirs.table)
    console.print(f"Measurements: {len(ours.table)} and {len(theirs.table)} rows", *found[:10])
    console.print(machine())
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
