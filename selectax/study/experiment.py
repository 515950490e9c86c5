"""The whole sweep: data, training, evaluation, results table, figures.

This is the shell around pure functions: the files, the clock and the console are here.
"""

import itertools
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import pandas as pd
from rich.console import Console

from selectax import models
from selectax.datasets import DataSet, describe, load
from selectax.datasets.augmentation import augment, random_resized_crop
from selectax.datasets.batches import Batches, in_batches
from selectax.datasets.loading import open_source
from selectax.datasets.streaming import choose_input
from selectax.study import figures, results
from selectax.study.checkpoints import open_checkpoints
from selectax.study.config import (
    ConfigurationError,
    DataOptions,
    SweepConfig,
    check,
    check_layers,
    resolve_corruptions,
    to_json,
)
from selectax.study.corrupted_sets import is_at_hand, open_official_set
from selectax.study.evaluation import layer_units
from selectax.study.folder import RunFolder, check_folder, write_json
from selectax.study.inputs import Resident, Streamed, steps_of_epoch
from selectax.study.interruptible import fetch
from selectax.study.measurement import measure
from selectax.study.population import Population, end_epoch, grid, init_population
from selectax.study.progress import stage
from selectax.study.rows import TestImages, count
from selectax.study.training import Recipe

# Of the papers' ResNet-18 on Tiny ImageNet.
_LEARNING_RATE_DROPS = {"tiny_imagenet": (35 / 90, 50 / 90, 65 / 90, 80 / 90)}


class Data(NamedTuple):
    """Images for each purpose."""

    training: Resident | Streamed
    validation: Batches
    evaluation: TestImages


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
        config, official_at_hand=is_at_hand(config.data.dataset, **_where(config.data))
    )
    description = describe(config.data.dataset)
    module = models.create(config.training.model, description.num_classes)
    units = layer_units(module, description.image_shape)
    check_layers(config, list(units))
    folder = check_folder(config.output, to_json(config), resume=config.run.resume)
    data = _load(config)
    if config.training.batch_size > data.training.samples:
        raise ConfigurationError(
            f"--batch-size {config.training.batch_size}: larger than the training set; "
            f"give at most {data.training.samples}."
        )
    write_json(folder.config, to_json(config))
    write_json(folder.layers, units)
    recipe = _recipe(config, module, description)
    population = _train(config, recipe, data, folder, console)
    table = _evaluate(config, recipe, population, data, folder, console)
    return Outcome(table, folder.results, _draw(table, units, folder))


def _where(data: DataOptions) -> dict[str, Any]:
    return {
        "data_dir": data.data_dir,
        "archives": data.archives,
        "allow_unverified_archives": data.allow_unverified_archives,
    }


def _load(config: SweepConfig) -> Data:
    data, evaluation = config.data, config.evaluation

    def split(name, limit):
        images, labels = load(data.dataset, name, **_where(data))
        return images[:limit], labels[:limit]

    batch_size = evaluation.evaluation_batch_size
    test = split("test", evaluation.evaluation_images)
    official = None
    if "corruptions" in evaluation.measures and evaluation.corrupted_images == "official":
        official = open_official_set(data.dataset, _where(data), *test, batch_size)
    return Data(
        training=_training_images(data, config.run.input),
        validation=in_batches(*split("validation", None), batch_size),
        evaluation=TestImages(
            test=in_batches(*test, batch_size),
            attacked=in_batches(*(part[: evaluation.attack_images] for part in test), batch_size),
            official=official,
            benchmark="tiny_imagenet" if data.dataset == "tiny_imagenet" else "cifar10",
        ),
    )


def _training_images(data: DataOptions, input_: str) -> Resident | Streamed:
    source = open_source(data.dataset, "train", **_where(data))
    samples = min(len(source), data.train_limit or len(source))
    if input_ == "auto":
        host_memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        image_bytes = samples * math.prod(describe(data.dataset).image_shape)
        input_ = choose_input(image_bytes, jax.devices()[0], host_memory=host_memory)
    if input_ == "stream":
        return Streamed(source, samples)
    images, labels = load(data.dataset, "train", **_where(data))
    return Resident(jnp.asarray(images[:samples]), jnp.asarray(labels[:samples]))


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
    folder: RunFolder,
    console: Console,
) -> pd.DataFrame:
    """Adds the rows of each network that has none yet to the results table."""
    table = results.load(folder.results) if folder.results.exists() else results.table([])
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
                    data.evaluation,
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
            progress.advance(_news(alpha, seed, rows), count(data.evaluation.test))
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
