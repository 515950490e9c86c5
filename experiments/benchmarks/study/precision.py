"""What bfloat16 costs: networks trained in it and in float32, measured in both.

Trains ResNet-8 on the digits. The table shows why a sweep measures in float32, whatever
`--precision` it trains in: rounded to bfloat16, the responses to attacked images differ from those
to clean images by rounding errors, too, which have as many dimensions as there are units.

Run as `python experiments/benchmarks/study/precision.py`.
"""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import tyro
from rich.console import Console
from rich.table import Table

from selectax import models
from selectax.datasets import load
from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study import (
    EvaluationOptions,
    RegularizerOptions,
    RunOptions,
    SweepConfig,
    TrainingOptions,
    measure,
)
from selectax.study.plan import Plan, fresh, make_plan
from selectax.study.training.population import best_of, population_epoch

PRECISIONS = ("float32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints a table with a row for each precision of training and of measuring."""

    seeds: int = 3
    """Number of networks."""
    epochs: int = 5
    """Passes over the training set."""
    images: int = 1000
    """Number of training images and of test images, at most."""
    epsilons: tuple[float, ...] = (0.25, 4.0)
    """Of PGD, in units of 1/255."""


def trained(plan: Plan, images: int) -> list[dict]:
    """The variables of each network of a plan after its best epoch."""
    training, validation = (
        [part[:images] for part in load("digits", split)] for split in ("train", "validation")
    )
    batches = in_batches(*validation, 96)
    population = fresh(plan, plan.wanted)
    for epoch in range(plan.recipe.epochs):
        population, _ = population_epoch(population, *training, batches, epoch, recipe=plan.recipe)
    return [best_of(population, at)[2] for at in range(len(plan.wanted))]


def rows(options: Options) -> Iterator[tuple[str, str, pd.Series]]:
    """Precision of training, of measuring, and means over networks by what is measured."""
    images, labels = (part[: options.images] for part in load("digits", "test"))
    module = models.create("resnet8", num_classes=10)
    evaluation = EvaluationOptions(
        measures=("attacks", "dimensionality"),
        epsilons=options.epsilons,
        pgd_steps=(5,),
        attack_images=options.images,
    )
    for training in PRECISIONS:
        with tempfile.TemporaryDirectory() as folder:
            config = SweepConfig(
                training=TrainingOptions(epochs=options.epochs, precision=training),
                regularizer=RegularizerOptions(alpha=(0.0,), seeds=options.seeds),
                run=RunOptions(output=Path(folder) / "run", mesh="1x1"),
            )
            networks = trained(make_plan(config), options.images)
        for measuring in PRECISIONS:
            apply = of_module(module, measuring).apply
            tables = [
                measure(apply, network, images, labels, 10, options=evaluation)
                for network in networks
            ]
            yield training, measuring, means(pd.concat(tables), options)


def means(table: pd.DataFrame, options: Options) -> pd.Series:
    """Clean accuracy, accuracy under PGD, and dimensions of the change of the responses."""
    accuracy = table[table["metric"] == "accuracy"]
    found = {"clean accuracy": accuracy[accuracy["perturbation"] == ""]["value"].mean()}
    changes = table[(table["metric"] == "participation_ratio") & (table["layer"] != "")]
    changes = changes[changes["perturbation"] == "difference:pgd"]
    pgd = accuracy[accuracy["perturbation"] == "pgd"]
    for epsilon in options.epsilons:
        for name, of in (("PGD", pgd), ("dimensions of the change", changes)):
            at = (of["epsilon"] * 255 - epsilon).abs() < 1e-3
            found[f"{name}, {epsilon:g}/255"] = of[at]["value"].mean()
    return pd.Series(found)


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    table = None
    for training, measuring, found in rows(options):
        if table is None:
            table = Table("trained in", "measured in", *found.index)
        table.add_row(training, measuring, *(f"{value:.3f}" for value in found))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
