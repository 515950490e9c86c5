"""Training a population of networks, alphas × seeds, as one compiled program."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.datasets.pipeline.batches import Batches
from selectax.datasets.pipeline.order import epoch_order
from selectax.study.training.loss import Metrics
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import (
    Hyperparameters,
    TrainState,
    init_state,
    train_steps,
    validate,
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Population:
    """Networks in training with their best variables and metrics, stacked along a leading axis.

    Attributes:
      hyperparameters: hyperparameters of each network.
      state: training state of each network.
      best_variables: parameters and batch-norm statistics after the epoch with the best validation
        accuracy.
      best_accuracy: validation accuracy after the best epoch; −1 before the first epoch ends.
      best_epoch: number of the best epoch, counted from 1; the first one in case of a tie.
      history: training metrics of each epoch, with a second axis of length `epochs`; NaN for
        future epochs.
      running: sums of the training metrics since the start of the current epoch.
    """

    hyperparameters: Hyperparameters
    state: TrainState
    best_variables: dict[str, Any]
    best_accuracy: Float[Array, "models"]
    best_epoch: Int[Array, "models"]
    history: Metrics
    running: Metrics


@functools.partial(jax.jit, static_argnames=("recipe", "image_shape"))
def init_population(
    hyperparameters: Hyperparameters, *, recipe: Recipe, image_shape: tuple[int, int, int]
) -> Population:
    """Initializes each network at random from its seed."""

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
    mesh: Mesh | None = None,
) -> tuple[Population, Float[Array, "models"]]:
    """Trains every network for one epoch and validates it.

    Args:
      population: networks before the epoch; their buffers are donated.
      images: training images on the device, shared by all networks.
      labels: classes of the training images.
      validation: validation batches, used to choose the best epoch.
      epoch: number of the epoch, counted from 0; traced.
      recipe: settings shared by all networks.
      models_at_a_time: number of networks that each device trains in parallel, with vmap; groups of
        this size are trained one after the other.
      mesh: devices, as returned by `selectax.study.runtime.devices.make_mesh`: the networks are
        sharded over the axis "model", and each network's batches over the axis "data"; None for
        one device.

    Returns:
      The networks after the epoch, and their validation accuracies.
    """
    steps = len(labels) // recipe.batch_size
    where = {"models_at_a_time": models_at_a_time, "mesh": mesh}
    population = resident_steps(
        population, images, labels, epoch * steps, steps, recipe=recipe, **where
    )
    return end_epoch(population, validation, epoch, recipe=recipe, steps=steps, **where)


@functools.partial(
    jax.jit, static_argnames=("recipe", "models_at_a_time", "mesh"), donate_argnames="population"
)
def resident_steps(
    population: Population,
    images: UInt8[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    done: Int[Array, ""],
    steps: int | Int[Array, ""],
    *,
    recipe: Recipe,
    models_at_a_time: int = 1,
    mesh: Mesh | None = None,
) -> Population:
    """Trains every network for part of an epoch on images that are on the device.

    Args:
      population: networks before these steps; their buffers are donated.
      images: all training images.
      labels: classes of the training images.
      done: number of steps since the start of training; traced.
      steps: number of steps to train, which must not go past the end of the epoch; traced, so that
        the function is compiled once for any number.
      recipe: settings shared by all networks.
      models_at_a_time: as for `population_epoch`.
      mesh: as for `population_epoch`.

    Returns:
      The networks after these steps.
    """
    steps_per_epoch = len(labels) // recipe.batch_size

    def one(network: Population, shared):
        images, labels, done, steps = shared
        epoch, start = done // steps_per_epoch, done % steps_per_epoch
        seed = network.hyperparameters.seed
        order, keys = epoch_order(seed, epoch, len(labels), recipe.batch_size)

        def batch_at(step):
            chosen = _own_share(order[start + step], mesh)
            return keys[start + step], images[chosen], labels[chosen]

        return _train(network, steps, batch_at, recipe, steps_per_epoch, mesh)

    shared = (images, labels, jnp.asarray(done), jnp.asarray(steps))
    return _over_networks(one, population, shared, P(), models_at_a_time, mesh)


@functools.partial(
    jax.jit,
    static_argnames=("recipe", "steps_per_epoch", "models_at_a_time", "mesh"),
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
    mesh: Mesh | None = None,
) -> Population:
    """Trains every network for part of an epoch on the streamed batches of its seed.

    Args:
      population: networks before these steps; their buffers are donated.
      images: the images of each step's batch, in the order of each seed.
      labels: classes of these images.
      keys: PRNG key of each batch, of shape [seeds, steps].
      seed_of: index of each network's seed on the first axis of images, labels and keys.
      recipe: settings shared by all networks.
      steps_per_epoch: number of steps per epoch, from which the schedules are computed.
      models_at_a_time: as for `population_epoch`.
      mesh: as for `population_epoch`.

    Returns:
      The networks after these steps.
    """

    def one(network_and_seed, shared):
        network, seed = network_and_seed
        images, labels, keys = shared

        # Index the whole array at each step. Selecting a seed's batches first would copy them.
        def batch_at(step):
            return keys[seed, step], images[seed, step], labels[seed, step]

        return _train(network, images.shape[1], batch_at, recipe, steps_per_epoch, mesh)

    shares = (P(None, None, "data"), P(None, None, "data"), P())
    shared = (images, labels, keys)
    return _over_networks(one, (population, seed_of), shared, shares, models_at_a_time, mesh)


@functools.partial(
    jax.jit,
    static_argnames=("recipe", "steps", "models_at_a_time", "mesh"),
    donate_argnames="population",
)
def end_epoch(
    population: Population,
    validation: Batches,
    epoch: Int[Array, ""],
    *,
    recipe: Recipe,
    steps: int,
    models_at_a_time: int = 1,
    mesh: Mesh | None = None,
) -> tuple[Population, Float[Array, "models"]]:
    """Validates every network, updates its best variables, and records the epoch in its history.

    Args:
      population: networks after the last step of an epoch; their buffers are donated.
      validation: validation batches, used to choose the best epoch; the batch size must be a
        multiple of the number of devices that share a batch.
      epoch: number of the epoch, counted from 0; traced.
      recipe: settings shared by all networks.
      steps: number of steps per epoch.
      models_at_a_time: as for `population_epoch`.
      mesh: as for `population_epoch`.

    Returns:
      The updated networks, and their validation accuracies.
    """

    def one(network: Population, shared):
        validation, epoch = shared
        accuracy = validate(
            recipe.network, network.state.variables, validation, axis_name=_data_axis(mesh)
        )
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

    shares = (P(None, "data"), P())
    shared = (validation, jnp.asarray(epoch))
    return _over_networks(one, population, shared, shares, models_at_a_time, mesh)


@jax.jit
def best_of(
    population: Population, at: int | Int[Array, ""]
) -> tuple[Metrics, Int[Array, ""], dict[str, Any]]:
    """Returns the history, best epoch and best variables of network `at`; the index is traced."""
    return jax.tree.map(
        lambda leaf: leaf[at],
        (population.history, population.best_epoch, population.best_variables),
    )


def _train(network: Population, steps, batch_at, recipe, steps_per_epoch, mesh) -> Population:
    state, running = train_steps(
        network.state,
        network.running,
        steps,
        batch_at,
        network.hyperparameters,
        recipe=recipe,
        steps_per_epoch=steps_per_epoch,
        axis_name=_data_axis(mesh),
    )
    return dataclasses.replace(network, state=state, running=running)


def _data_axis(mesh: Mesh | None) -> str | None:
    return None if mesh is None or mesh.shape["data"] == 1 else "data"


def _own_share(batch, mesh):
    """The share of a batch that belongs to this device."""
    if _data_axis(mesh) is None:
        return batch
    return batch.reshape(mesh.shape["data"], -1)[jax.lax.axis_index("data")]


def _over_networks(one, networks, shared, shares, models_at_a_time: int, mesh: Mesh | None):
    """Maps `one(network, shared)` over networks that are sharded over the mesh.

    `shares` are the partition specs of `shared`.
    """

    def on_device(networks, shared):
        # Do not vmap over a single network: grouped convolutions are slow on the CPU.
        batch_size = None if models_at_a_time == 1 else models_at_a_time
        return jax.lax.map(lambda network: one(network, shared), networks, batch_size=batch_size)

    if mesh is None:
        return on_device(networks, shared)
    number = len(jax.tree.leaves(networks)[0])
    # If the networks cannot be divided evenly, some devices train a copy of the last network.
    which = jnp.minimum(
        jnp.arange(-(-number // mesh.shape["model"]) * mesh.shape["model"]), number - 1
    )
    if len(which) > number:
        networks = jax.tree.map(lambda leaf: leaf[which], networks)
    # With check_vma, JAX would sum the gradients over the devices. `train_step` averages them
    # itself, as under jax.pmap.
    spread = jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(P("model"), shares),
        out_specs=P("model"),
        check_vma=False,
    )(networks, shared)
    return jax.tree.map(lambda leaf: leaf[:number], spread) if len(which) > number else spread
