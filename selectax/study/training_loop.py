"""Trains a group of networks, and handles checkpoints, signals, curves and progress."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from selectax.study.data import Data
from selectax.study.plan import Plan, fresh
from selectax.study.run.checkpoints import Checkpoints, open_checkpoints
from selectax.study.run.curves import open_curves
from selectax.study.run.networks import NetworkId
from selectax.study.runtime.devices import spread_networks
from selectax.study.runtime.hosts import is_first, largest
from selectax.study.runtime.progress import Log, stage
from selectax.study.runtime.signals import Stopped, remembered_signals
from selectax.study.runtime.waiting import fetch
from selectax.study.side_by_side import arrange
from selectax.study.training.inputs import steps_of_epoch
from selectax.study.training.population import Population, end_epoch


class Keeper:
    """Writes checkpoints when they are due, and stops training after a signal."""

    def __init__(self, checkpoints: Checkpoints, signalled: Callable[[], int], minutes: float):
        self._checkpoints, self._signalled, self._minutes = checkpoints, signalled, minutes
        self._saved = time.monotonic()

    def save(self, done: int, population: Population) -> None:
        """Writes a checkpoint after `done` steps."""
        self._checkpoints.save(done, population)
        self._saved = time.monotonic()

    def save_if_due(self, done: int, population: Population) -> None:
        """Writes a checkpoint if the last one is old or if any host received a signal.

        Raises:
          Stopped: if any host received a signal.
        """
        overdue = (time.monotonic() - self._saved) / 60 > self._minutes
        signal_number, save_now = largest(self._signalled(), int(overdue))
        if signal_number or save_now:
            self.save(done, population)
            self._stop_if(signal_number)

    def stop_if_signalled(self) -> None:
        """Finishes writing the last checkpoint and stops if any host received a signal.

        Raises:
          Stopped: if any host received a signal.
        """
        (signal_number,) = largest(self._signalled())
        self._stop_if(signal_number)

    def _stop_if(self, signal_number: int) -> None:
        if signal_number:
            self._checkpoints.finish()
            raise Stopped(signal_number)


def train_group(
    plan: Plan, number: int, group: Sequence[NetworkId], data: Data, log: Log
) -> Population:
    """Trains a group of networks from its last checkpoint, and writes one after each epoch.

    Args:
      plan: plan of the sweep.
      number: number of the group.
      group: networks of the group.
      data: training and validation images.
      log: log for warnings and progress.

    Raises:
      selectax.study.run.checkpoints.CheckpointError: if a checkpoint cannot be written or read.
      Stopped: if a signal stopped training. A checkpoint has been written.
    """
    steps = data.training.samples // plan.recipe.batch_size
    population = spread_networks(fresh(plan, group), plan.mesh)
    at_a_time, recipe = arrange(plan, len(group))
    options: dict[str, Any] = {
        "recipe": recipe,
        "models_at_a_time": at_a_time,
        "mesh": plan.mesh,
    }
    with (
        open_checkpoints(plan.folder.checkpoints(number), log.warn) as checkpoints,
        remembered_signals(log.warn) as signalled,
    ):
        done, population = checkpoints.restore(population, may_lack="hyperparameters")
        keeper = Keeper(checkpoints, signalled, plan.config.run.checkpoint_minutes)
        begun = done // steps
        title = f"Training {len(group)} networks, epoch"
        counts: dict[str, Any] = {"total": recipe.epochs, "done": begun}
        kind = plan.config.run.curves if is_first() and begun < recipe.epochs else "none"
        with (
            stage(log, title, **counts, event="epoch", networks=len(group)) as progress,
            open_curves(kind, plan.folder, group, begun) as draw,
        ):
            for epoch in range(begun, recipe.epochs):
                population, curves = _train_epoch(population, epoch, done, data, keeper, options)
                done = (epoch + 1) * steps
                # Write curves before the checkpoint, so that they never lag behind it.
                draw(epoch + 1, curves)
                keeper.save(done, population)
                means = {name: _mean(values) for name, values in curves.items()}
                progress.advance(_news(means), len(group) * steps * recipe.batch_size, **means)
                keeper.stop_if_signalled()
        checkpoints.finish()
    return population


def _train_epoch(
    population: Population,
    epoch: int,
    done: int,
    data: Data,
    keeper: Keeper,
    options: Mapping[str, Any],
) -> tuple[Population, dict[str, Any]]:
    """Trains for the rest of an epoch after `done` steps. Also returns each network's metrics."""
    steps = data.training.samples // options["recipe"].batch_size
    pieces = steps_of_epoch(population, data.training, done, **options)
    for reached, population in pieces:
        # After the last step, the checkpoint is written only once the epoch has been validated.
        if reached < (epoch + 1) * steps:
            keeper.save_if_due(reached, population)
    population, accuracies = end_epoch(population, data.validation, epoch, steps=steps, **options)
    history, accuracies = fetch((population.history, accuracies))
    return population, {
        "loss": history.loss[:, epoch],
        "accuracy": history.accuracy[:, epoch],
        "validation_accuracy": accuracies,
        "selectivity": history.selectivity[:, epoch],
    }


def _mean(values: np.ndarray) -> float:
    """Averages over the networks that have not diverged."""
    finite = values[np.isfinite(values)]
    return finite.mean() if len(finite) else np.nan


def _news(means: Mapping[str, float]) -> str:
    return "  ".join(f"{name.removesuffix('_accuracy')} {mean:.3f}" for name, mean in means.items())
