"""The whole sweep: data, training, evaluation, results table, figures.

This is the shell around pure functions: the files, the clock and the console are here.
"""

import itertools
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import pandas as pd
from rich.console import Console

from selectax import models
from selectax.datasets import DataSet, describe
from selectax.datasets.augmentation import augment, random_resized_crop
from selectax.study import figures, results
from selectax.study.checkpoints import open_checkpoints
from selectax.study.config import (
    ConfigurationError,
    SweepConfig,
    check,
    check_layers,
    resolve_corruptions,
    to_json,
)
from selectax.study.corrupted_sets import is_at_hand
from selectax.study.data import Data, load_data, where_data_lie
from selectax.study.evaluation import layer_units
from selectax.study.folder import RunFolder, check_folder, write_json
from selectax.study.inputs import steps_of_epoch
from selectax.study.interruptible import fetch
from selectax.study.measurement import measure_network
from selectax.study.population import Population, end_epoch, grid, init_population
from selectax.study.progress import stage
from selectax.study.rows import count
from selectax.study.training import Recipe

# Of the papers' ResNet-18 on Tiny ImageNet.
_LEARNING_RATE_DROPS = {"tiny_imagenet": (35 / 90, 50 / 90, 65 / 90, 80 / 90)}


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
    config = resolve_corruptions(
        config, official_at_hand=is_at_hand(config.data.dataset, **where_data_lie(config.data))
    )
    description = describe(config.data.dataset)
    module = models.create(config.training.model, description.num_classes)
    units = layer_units(module, description.image_shape)
    check_layers(config, list(units))
    folder = check_folder(config.output, to_json(config), resume=config.run.resume)
    table = _table_so_far(folder)
    data = load_data(config)
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
        learning_rate_drops=_LEARNING_RATE_DROPS.get(config.data.dataset, (1 / 2, 3 / 4)),
        augment=random_resized_crop if training.augmentation == "resized-crop" else augment,
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
    side_by_side = {"recipe": recipe, "models_at_a_time": min(at_a_time, networks)}
    steps = data.training.samples // recipe.batch_size
    population = init_population(
        hyperparameters, recipe=recipe, image_shape=data.validation.images.shape[2:]
    )
    with open_checkpoints(folder.checkpoints) as checkpoints:
        done, population = checkpoints.restore(population)
        title = f"Training {networks} networks, epoch"
        with stage(console, title, total=recipe.epochs, done=done // steps) as progress:
            for epoch in range(done // steps, recipe.epochs):
                saved = time.monotonic()
                pieces = steps_of_epoch(population, data.training, done, **side_by_side)
                for done, population in pieces:
                    minutes = (time.monotonic() - saved) / 60
                    if done < (epoch + 1) * steps and minutes > config.run.checkpoint_minutes:
                        checkpoints.save(done, population)
                        saved = time.monotonic()
                population, accuracies = end_epoch(
                    population, data.validation, jnp.asarray(epoch), steps=steps, **side_by_side
                )
                history, accuracies = fetch((population.history, accuracies))
                checkpoints.save(done, population)
                progress.advance(
                    f"loss {history.loss[:, epoch].mean():.3f}  "
                    f"accuracy {history.accuracy[:, epoch].mean():.3f}  "
                    f"validation {accuracies.mean():.3f}  "
                    f"selectivity {history.selectivity[:, epoch].mean():.3f}",
                    networks * steps * recipe.batch_size,
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
            measured = measure_network(
                seed,
                network.best_variables,
                data.evaluation,
                config.evaluation,
                module=recipe.module,
                num_classes=recipe.num_classes,
            )
            rows = _training_rows(network) + [
                {"epoch": int(network.best_epoch), **row} for row in measured.rows
            ]
            whose = {
                "dataset": config.data.dataset,
                "model": config.training.model,
                "alpha": alpha,
                "seed": seed,
            }
            table = results.merge(table, results.table([{**whose, **row} for row in rows]))
            results.save(folder.results, table)
            progress.advance(_news(alpha, seed, rows), count(data.evaluation.test))
            for warning in measured.warnings:
                console.print(f"alpha {alpha:g} seed {seed}: {warning}", soft_wrap=True)
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
