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

import tyro
from rich.console import Console

from experiments.benchmarks.shared.contest import Contest
from experiments.benchmarks.shared.machine import machine
from experiments.benchmarks.study.default_job import (
    MEASURES,
    Run,
    SweepOptions,
    contest_of,
    differences,
    outcome_table,
    run_sweep,
    save_data,
    time_table,
    timed,
)
from experiments.study import words_of
from selectax.corruptions import CORRUPTIONS

HERE = Path(__file__).resolve().parent
AIM = 0.9


@dataclasses.dataclass(frozen=True)
class Options(SweepOptions):
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
        "alpha": 0,
        "seeds": 1,
        "epochs": options.epochs,
        "batch-size": 64,
        "corruptions": [*options.corruptions],
        "attack-images": options.attack_images,
        "epsilons": [0.5, 1, 2, 4, 8],
        "pgd-steps": [1, 5, 20],
        "dataset": "cifar10",
    }
    archives = os.environ["SELECTAX_REAL_DATA"]
    of_ours = {
        "archives": archives,
        "allow-unverified-archives": [],
        "model": "resnet8",
        "learning-rate": 0.1,
        "measures": [*MEASURES],
        "corrupted-images": "own",
        "evaluation-images": options.images,
        "train-limit": options.train_limit,
    }
    with tempfile.TemporaryDirectory() as folder:
        data, ours, theirs = (Path(folder, name) for name in ("data.npz", "ours", "theirs.csv"))
        prepared = f"{folder}/prepared"
        save_data(
            data,
            "cifar10",
            {"train": options.train_limit, "test": options.images},
            archives=archives,
            data_dir=prepared,
            allow_unverified_archives=True,
        )
        of_ours |= {"output": ours, "data-dir": prepared}
        of_theirs = {"mirror": [], "data": data, "output": theirs}
        return (
            run_sweep(words_of(shared | of_ours), ours, options),
            timed([HERE / "plain_study.py", *words_of(shared | of_theirs)], theirs),
        )


def contest(options: Options = Options()) -> Contest:
    """Each once, for a round takes minutes."""
    title = f"A ResNet-8 on CIFAR-10, trained for {options.epochs} epochs and measured"
    return contest_of(title, *run_both(options), 1, AIM)


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
