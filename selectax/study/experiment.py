"""The whole sweep: data, training, evaluation, results table, figures.

This is the shell around pure functions: the files, the clock and the console are here.
"""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import pandas as pd
from jaxtyping import Array, Int, UInt8
from rich.console import Console

from selectax import models
from selectax.datasets import DataSet, describe, load
from selectax.datasets.batches import Batches, in_batches
from selectax.study import figures, results
from selectax.study.checkpoints import open_checkpoints
from selectax.study.config import (
    ConfigurationError,
    SweepConfig,
    check,
    check_layers,
    to_json,
)
from selectax.study.evaluation import layer_units
from selectax.study.folder import RunFolder, check_folder, write_json
from selectax.study.interruptible import fetch
from selectax.study.measurement import measure
from selectax.study.population import Population, grid, init_population, population_epoch
from selectax.study.progress import stage
from selectax.study.training import Recipe


class Data(NamedTuple):
    """Images on the device."""

    images: UInt8[Array, "samples height width channels"]
    labels: Int[Array, "samples"]
    validation: Batches
    test: Batches
    attacked: Batches


class Outcome(NamedTuple):
    """What a sweep leaves behind.

    Attributes:
      table: the results.
      results: where they are.
      figures: where the figures are.
    """

    table: pd.DataFrame
    results: Path
    figures: list[Path]


def run(config: SweepConfig, console: Console) -> Outcome:
    """Trains and evaluates every network that is not in the run's folder yet, and draws figures.

    Args:
      config: what to do.
      console: where progress is shown.

    Raises:
      ConfigurationError: the configuration cannot be meant, or does not fit the data or the folder.
      selectax.datasets.archives.DataError: the data cannot be had.
    """
    check(config)
    description = describe(config.data.dataset)
    module = models.create(config.training.model, description.num_classes)
    units = layer_units(module, description.image_shape)
    check_layers(config, list(units))
    folder = check_folder(config.output, to_json(config), resume=config.run.resume)
    table = _table_so_far(folder)
    data = _load(config)
    write_json(folder.config, to_json(config))
    write_json(folder.layers, units)
    recipe = _recipe(config, module, description)
    population = _train(config, recipe, data, folder, console)
    table = _evaluate(config, recipe, population, data, table, folder, console)
    return Outcome(table, folder.results, _draw(table, units, folder))


def _table_so_far(folder: RunFolder) -> pd.DataFrame:
    if not folder.results.exists():
        return results.table([])
    try:
        return results.load(folder.results)
    except ValueError:
        raise ConfigurationError(
            f"--output {folder.path}: its results.csv is damaged; remove that file, and the "
            "networks are measured anew."
        ) from None


def _load(config: SweepConfig) -> Data:
    data, evaluation = config.data, config.evaluation

    def split(name, limit):
        images, labels = load(
            data.dataset,
            name,
            data_dir=data.data_dir,
            archives=data.archives,
            allow_unverified_archives=data.allow_unverified_archives,
        )
        return images[:limit], labels[:limit]

    batch_size = evaluation.evaluation_batch_size
    images, labels = split("train", data.train_limit)
    if config.training.batch_size > len(labels):
        raise ConfigurationError(
            f"--batch-size {config.training.batch_size}: larger than the training set; "
            f"give at most {len(labels)}."
        )
    test_images, test_labels = split("test", evaluation.evaluation_images)
    attacked = slice(evaluation.attack_images)
    return Data(
        images=jnp.asarray(images),
        labels=jnp.asarray(labels),
        validation=in_batches(*split("validation", None), batch_size),
        test=in_batches(test_images, test_labels, batch_size),
        attacked=in_batches(test_images[attacked], test_labels[attacked], batch_size),
    )


def _recipe(config: SweepConfig, module: nn.Module, description: DataSet) -> Recipe:
    regularizer, training = config.regularizer, config.training
    alpha_epochs = regularizer.alpha_epochs
    return Recipe(
        module=module,
        num_classes=description.num_classes,
        epochs=training.epochs,
        batch_size=training.batch_size,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        layers=regularizer.regularized_layers or None,
        alpha_epochs=alpha_epochs and (alpha_epochs[0] - 1, alpha_epochs[1]),
        horizontal_flip=description.horizontal_flip,
    )


def _train(
    config: SweepConfig, recipe: Recipe, data: Data, folder: RunFolder, console: Console
) -> Population:
    """Trains from the last checkpoint on, and writes one after each epoch."""
    seeds = range(config.regularizer.seeds)
    hyperparameters = grid(config.regularizer.alpha, seeds, config.training.learning_rate)
    networks = len(hyperparameters.alpha)
    at_a_time = config.run.models_at_a_time or (1 if jax.default_backend() == "cpu" else networks)
    images_an_epoch = networks * (len(data.labels) // recipe.batch_size) * recipe.batch_size
    population = init_population(hyperparameters, recipe=recipe, image_shape=data.images.shape[1:])
    with open_checkpoints(folder.checkpoints) as checkpoints:
        done, population = checkpoints.restore(population)
        title = f"Training {networks} networks, epoch"
        with stage(console, title, total=recipe.epochs, done=done) as progress:
            for epoch in range(done, recipe.epochs):
                population, accuracies = population_epoch(
                    population,
                    data.images,
                    data.labels,
                    data.validation,
                    jnp.asarray(epoch),
                    recipe=recipe,
                    models_at_a_time=min(at_a_time, networks),
                )
                history, accuracies = fetch((population.history, accuracies))
                checkpoints.save(epoch + 1, population)
                progress.advance(
                    f"loss {history.loss[:, epoch].mean():.3f}  "
                    f"accuracy {history.accuracy[:, epoch].mean():.3f}  "
                    f"validation {accuracies.mean():.3f}  "
                    f"selectivity {history.selectivity[:, epoch].mean():.3f}",
                    images_an_epoch,
                )
    return population


def _evaluate(
    config: SweepConfig,
    recipe: Recipe,
    population: Population,
    data: Data,
    table: pd.DataFrame,
    folder: RunFolder,
    console: Console,
) -> pd.DataFrame:
    """Adds the rows of each network that has none yet to the results table."""
    grid_points = list(itertools.product(config.regularizer.alpha, range(config.regularizer.seeds)))
    done = set(zip(table["alpha"], table["seed"], strict=True))
    title = "Evaluating network"
    with stage(console, title, total=len(grid_points), done=len(done)) as progress:
        for number, (alpha, seed) in enumerate(grid_points):
            if (alpha, seed) in done:
                continue
            network = jax.tree.map(lambda leaf, at=number: leaf[at], population)
            rows = _training_rows(network) + [
                {"epoch": int(network.best_epoch), **row}
                for row in measure(
                    seed,
                    network.best_variables,
                    data.test,
                    data.attacked,
                    config.evaluation,
                    module=recipe.module,
                    num_classes=recipe.num_classes,
                )
            ]
            whose = {
                "dataset": config.data.dataset,
                "model": config.training.model,
                "alpha": alpha,
                "seed": seed,
            }
            table = results.merge(table, results.table([{**whose, **row} for row in rows]))
            results.save(folder.results, table)
            progress.advance(_news(alpha, seed, rows), int(data.test.where.sum()))
    return table


def _training_rows(network: Population) -> list[dict]:
    history = jax.device_get(network.history)
    return [
        {"epoch": epoch, "metric": metric, "value": value}
        for metric, values in (
            ("train_loss", history.loss),
            ("train_accuracy", history.accuracy),
        )
        for epoch, value in enumerate(values, start=1)
    ]


def _news(alpha, seed, rows) -> str:
    of_network = {
        row["metric"]: row["value"]
        for row in rows
        if "layer" not in row and "perturbation" not in row
    }
    selectivity = of_network.get("class_selectivity", math.nan)
    return (
        f"alpha {alpha:g} seed {seed}  accuracy {of_network['accuracy']:.3f}  "
        f"selectivity {selectivity:.3f}"
    )


def _draw(table: pd.DataFrame, units: Mapping[str, int], folder: RunFolder) -> list[Path]:
    return figures.save(figures.draw_all(table, units), folder.figures)
