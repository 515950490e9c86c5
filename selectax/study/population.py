"""Training a population of networks, alphas × seeds, as one compiled program."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.datasets.batches import Batches
from selectax.datasets.order import epoch_order
from selectax.study.training import (
    Hyperparameters,
    Metrics,
    Recipe,
    TrainState,
    init_state,
    train_steps,
    validate,
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Population:
    """Networks in training, stacked along a leading axis, and what is remembered of each.

    Attributes:
      hyperparameters: of each network.
      state: of each network.
      best_variables: parameters and statistics after the epoch with the best validation accuracy.
      best_accuracy: that accuracy.
      best_epoch: that epoch, counted from 1; of several alike the first.
      history: training metrics of each epoch, NaN for those to come.
      running: sums of the training metrics since the epoch under way began.
    """

    hyperparameters: Hyperparameters
    state: TrainState
    best_variables: dict[str, Any]
    best_accuracy: Float[Array, "models"]
    best_epoch: Int[Array, "models"]
    history: Metrics
    running: Metrics


def grid(alphas: Sequence[float], seeds: Sequence[int], learning_rate: float) -> Hyperparameters:
    """Every alpha with every seed, the seeds of one alpha side by side."""
    alpha, seed = (axis.ravel() for axis in np.meshgrid(alphas, seeds, indexing="ij"))
    return Hyperparameters(
        jnp.asarray(alpha, jnp.float32),
        jnp.full(alpha.shape, learning_rate, jnp.float32),
        jnp.asarray(seed, jnp.int32),
    )


@functools.partial(jax.jit, static_argnames=("recipe", "image_shape"))
def init_population(
    hyperparameters: Hyperparameters, *, recipe: Recipe, image_shape: tuple[int, int, int]
) -> Population:
    """Networks drawn from their seeds."""

    def one(hyperparameters):
        state = init_state(hyperparameters, recipe, image_shape)
        unknown = jnp.full(recipe.epochs, jnp.nan, jnp.float32)
        nothing = jnp.zeros((), jnp.float32)
        return Population(
            hyperparameters=hyperparameters,
            state=state,
            best_variables=state.variables,
            best_accuracy=jnp.full((), -1, jnp.float32),
            best_epoch=jnp.zeros((), jnp.int32),
            history=Metrics(unknown, unknown, unknown),
            running=Metrics(nothing, nothing, nothing),
        )

    return jax.lax.map(one, hyperparameters)


def population_epoch(
    population: Population,
    images: UInt8[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    validation: Batches,
    epoch: Int[Array, ""],
    *,
    recipe: Recipe,
    models_at_a_time: int = 1,
) -> tuple[Population, Float[Array, "models"]]:
    """Trains every network for one epoch and validates it.

    Args:
      population: networks before; its memory is reused.
      images: training images on the device, shared by all networks.
      labels: their classes.
      validation: by which the best epoch is chosen.
      epoch: counted from 0; traced.
      recipe: what all networks share.
      models_at_a_time: networks trained side by side by vmap; groups of them follow one another.

    Returns:
      Networks after it, and their validation accuracies.
    """
    steps = len(labels) // recipe.batch_size
    population = resident_steps(
        population,
        images,
        labels,
        epoch * steps,
        recipe=recipe,
        steps=steps,
        models_at_a_time=models_at_a_time,
    )
    return end_epoch(
        population, validation, epoch, recipe=recipe, steps=steps, models_at_a_time=models_at_a_time
    )


@functools.partial(
    jax.jit, static_argnames=("recipe", "steps", "models_at_a_time"), donate_argnames="population"
)
def resident_steps(
    population: Population,
    images: UInt8[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    done: Int[Array, ""],
    *,
    recipe: Recipe,
    steps: int,
    models_at_a_time: int = 1,
) -> Population:
    """Trains every network for some steps of an epoch on images that lie on the device.

    Args:
      population: networks before; its memory is reused.
      images: of the whole training set.
      labels: their classes.
      done: steps that were taken since the start of training; traced.
      recipe: what all networks share.
      steps: to take, not past the epoch's end.
      models_at_a_time: as for `population_epoch`.
    """
    steps_per_epoch = len(labels) // recipe.batch_size

    def one(network: Population):
        epoch, start = done // steps_per_epoch, done % steps_per_epoch
        seed = network.hyperparameters.seed
        order, keys = (
            jax.lax.dynamic_slice_in_dim(part, start, steps)
            for part in epoch_order(seed, epoch, len(labels), recipe.batch_size)
        )
        return _train(
            network,
            order,
            keys,
            lambda chosen: (images[chosen], labels[chosen]),
            recipe=recipe,
            steps_per_epoch=steps_per_epoch,
        )

    return _over_networks(one, population, models_at_a_time)


@functools.partial(
    jax.jit,
    static_argnames=("recipe", "steps_per_epoch", "models_at_a_time"),
    donate_argnames="population",
)
def streamed_steps(
    population: Population,
    images: UInt8[Array, "seeds steps batch height width channels"],
    labels: Int[Array, "seeds steps batch"],
    keys: PRNGKeyArray,
    seed_of: Int[Array, "models"],
    *,
    recipe: Recipe,
    steps_per_epoch: int,
    models_at_a_time: int = 1,
) -> Population:
    """Trains every network for some steps of an epoch on the batches that its seed takes.

    Args:
      population: networks before; its memory is reused.
      images: of the steps' batches, in the order of each seed.
      labels: their classes.
      keys: of each batch, of shape [seeds, steps].
      seed_of: position of each network's seed among the seeds.
      recipe: what all networks share.
      steps_per_epoch: of which the schedules are multiples.
      models_at_a_time: as for `population_epoch`.
    """

    def one(network_and_seed):
        network, seed = network_and_seed
        # Step by step from the whole: a copy of a seed's batches would double them.
        return _train(
            network,
            jnp.arange(images.shape[1]),
            keys[seed],
            lambda step: (images[seed, step], labels[seed, step]),
            recipe=recipe,
            steps_per_epoch=steps_per_epoch,
        )

    return _over_networks(one, (population, seed_of), models_at_a_time)


@functools.partial(
    jax.jit, static_argnames=("recipe", "steps", "models_at_a_time"), donate_argnames="population"
)
def end_epoch(
    population: Population,
    validation: Batches,
    epoch: Int[Array, ""],
    *,
    recipe: Recipe,
    steps: int,
    models_at_a_time: int = 1,
) -> tuple[Population, Float[Array, "models"]]:
    """Validates every network, keeps the best, and writes the epoch into its history.

    Args:
      population: networks after the last step of an epoch; its memory is reused.
      validation: by which the best epoch is chosen.
      epoch: counted from 0; traced.
      recipe: what all networks share.
      steps: of an epoch.
      models_at_a_time: as for `population_epoch`.

    Returns:
      Networks, and their validation accuracies.
    """

    def one(network: Population):
        accuracy = validate(recipe.module, network.state.variables, validation)
        better = accuracy > network.best_accuracy

        def keep_best(new, old):
            return jnp.where(better, new, old)

        means = jax.tree.map(lambda total: total / steps, network.running)
        ended = dataclasses.replace(
            network,
            best_variables=jax.tree.map(keep_best, network.state.variables, network.best_variables),
            best_accuracy=keep_best(accuracy, network.best_accuracy),
            best_epoch=keep_best(epoch.astype(jnp.int32) + 1, network.best_epoch),
            history=jax.tree.map(lambda past, now: past.at[epoch].set(now), network.history, means),
            running=jax.tree.map(jnp.zeros_like, network.running),
        )
        return ended, accuracy

    return _over_networks(one, population, models_at_a_time)


def _train(network: Population, batches, keys, fetch, **options) -> Population:
    state, sums = train_steps(
        network.state, batches, keys, fetch, network.hyperparameters, **options
    )
    running = jax.tree.map(jnp.add, network.running, sums)
    return dataclasses.replace(network, state=state, running=running)


def _over_networks(one, networks, models_at_a_time: int):
    # One network at a time must not be vmapped: grouped convolutions are slow on the CPU.
    batch_size = None if models_at_a_time == 1 else models_at_a_time
    return jax.lax.map(one, networks, batch_size=batch_size)
