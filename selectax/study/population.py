"""Training a population of networks, alphas × seeds, as one compiled program."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from selectax.datasets.batches import Batches
from selectax.study.training import (
    Hyperparameters,
    Metrics,
    Recipe,
    TrainState,
    init_state,
    train_epoch,
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
    """

    hyperparameters: Hyperparameters
    state: TrainState
    best_variables: dict[str, Any]
    best_accuracy: Float[Array, "models"]
    best_epoch: Int[Array, "models"]
    history: Metrics


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
        return Population(
            hyperparameters=hyperparameters,
            state=state,
            best_variables=state.variables,
            best_accuracy=jnp.full((), -1, jnp.float32),
            best_epoch=jnp.zeros((), jnp.int32),
            history=Metrics(unknown, unknown, unknown),
        )

    return jax.lax.map(one, hyperparameters)


@functools.partial(
    jax.jit, static_argnames=("recipe", "models_at_a_time"), donate_argnames="population"
)
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
      images: training images, shared by all networks.
      labels: their classes.
      validation: by which the best epoch is chosen.
      epoch: counted from 0; traced.
      recipe: what all networks share.
      models_at_a_time: networks trained side by side by vmap; groups of them follow one another.

    Returns:
      Networks after it, and their validation accuracies.
    """

    def one(network: Population):
        state, metrics = train_epoch(
            network.state, images, labels, network.hyperparameters, epoch, recipe=recipe
        )
        accuracy = validate(recipe.module, state.variables, validation)
        better = accuracy > network.best_accuracy

        def keep_best(new, old):
            return jnp.where(better, new, old)

        trained = Population(
            hyperparameters=network.hyperparameters,
            state=state,
            best_variables=jax.tree.map(keep_best, state.variables, network.best_variables),
            best_accuracy=keep_best(accuracy, network.best_accuracy),
            best_epoch=keep_best(epoch.astype(jnp.int32) + 1, network.best_epoch),
            history=jax.tree.map(
                lambda past, now: past.at[epoch].set(now), network.history, metrics
            ),
        )
        return trained, accuracy

    # One network at a time must not be vmapped: grouped convolutions are slow on the CPU.
    batch_size = None if models_at_a_time == 1 else models_at_a_time
    return jax.lax.map(one, population, batch_size=batch_size)
