"""Training of one network: a pure step, an epoch of steps in one loop, and validation.

The step processes one device's share of a batch. With `axis_name`, under `jax.pmap`,
`jax.shard_map` or `vmap`, it gives the same result as one device that holds the whole batch. Under
`shard_map`, make the state varying first (`jax.lax.pcast`); otherwise JAX sums the gradients over
the devices a second time.

References:
  Leavitt & Morcos, 2020, arXiv 2003.01262 and 2007.04440 (loss, optimizer and schedule).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from selectax.datasets.pipeline.batches import Batches, to_unit_range
from selectax.datasets.pipeline.order import epoch_order
from selectax.models.network import Network
from selectax.study.training.loss import Metrics, loss_gradients, micro_batched_gradients
from selectax.study.training.methods.batch import Batch, keys_of_images
from selectax.study.training.recipe import Recipe

# Value of `Hyperparameters.alpha_epochs` if the regularizer is active in every epoch.
ALL_EPOCHS = (0, np.iinfo(np.int32).max)


def _zero() -> np.ndarray:
    return np.zeros((), np.float32)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """Settings that may differ between the networks of a population; traced.

    Attributes:
      alpha: strength of the regularizer.
      learning_rate: initial learning rate.
      seed: seed of the initial parameters, of the order of the images and of their augmentation.
      learning_rate_drops: fractions of the training run, each in [0, 1], at which the learning rate
        is divided by 10.
      alpha_epochs: first epoch with the regularizer and first epoch after it, counted from 0.
      warmup_epochs: number of epochs, at least 0, over which the learning rate rises in equal steps
        to its initial value (Goyal et al. 2017, arXiv 1706.02677). 0 for no warm-up.
      alpha_warmup_epochs: number of epochs, at least 0, over which alpha rises in the same way from
        the first epoch with the regularizer. 0 for no warm-up.
      strength: strength of the training method; 0 for standard training.
      adversarial_step_size: length of a step of the attack in adversarial training, in units of
        epsilon divided by the number of steps.
    """

    alpha: Float[Array, ""]
    learning_rate: Float[Array, ""]
    seed: Int[Array, ""]
    learning_rate_drops: Float[Array | np.ndarray, "drops"] = dataclasses.field(
        default_factory=lambda: np.array([1 / 2, 3 / 4], np.float32)
    )
    alpha_epochs: Int[Array | np.ndarray, "2"] = dataclasses.field(
        default_factory=lambda: np.array(ALL_EPOCHS, np.int32)
    )
    warmup_epochs: Float[Array | np.ndarray, ""] = dataclasses.field(default_factory=_zero)
    alpha_warmup_epochs: Float[Array | np.ndarray, ""] = dataclasses.field(default_factory=_zero)
    strength: Float[Array | np.ndarray, ""] = dataclasses.field(default_factory=_zero)
    adversarial_step_size: Float[Array | np.ndarray, ""] = dataclasses.field(
        default_factory=lambda: np.array(2.5, np.float32)
    )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """State of a network in training: its variables, the momentum, and the number of steps."""

    variables: dict[str, Any]
    momentum: Any
    step: Int[Array, ""]


def init_state(
    hyperparameters: Hyperparameters, recipe: Recipe, image_shape: tuple[int, int, int]
) -> TrainState:
    """Initializes a network from its seed; its alpha does not change the initial parameters."""
    key = jax.random.fold_in(jax.random.key(hyperparameters.seed), 0)
    variables = recipe.network.init(key, jnp.zeros((1, *image_shape)))
    momentum = _optimizer(recipe).init(variables["params"])
    return TrainState(dict(variables), momentum, jnp.zeros((), jnp.int32))


def train_step(
    state: TrainState,
    images: Float[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    hyperparameters: Hyperparameters,
    *,
    recipe: Recipe,
    steps_per_epoch: int,
    axis_name: str | None = None,
    key: PRNGKeyArray | None = None,
) -> tuple[TrainState, Metrics]:
    """Takes one step of SGD on cross-entropy − alpha · mean selectivity, by the recipe's method.

    Args:
      state: training state before the step.
      images: this device's share of the batch, in [0, 1]; the number of images must be a multiple
        of `recipe.micro_batches`.
      labels: classes of these images.
      hyperparameters: hyperparameters of the network.
      recipe: settings shared by all networks.
      steps_per_epoch: number of steps per epoch, from which the schedules are computed.
      axis_name: mapped axis of the devices that share the batch; None for one device.
      key: PRNG key of the batch, the same on all devices, from which the training method makes its
        random numbers; None for standard training.

    Returns:
      The training state after the step, and the metrics of the batch.
    """
    run_length = recipe.epochs * steps_per_epoch
    dropped = state.step >= jnp.round(hyperparameters.learning_rate_drops * run_length)
    learning_rate = hyperparameters.learning_rate * jnp.prod(jnp.where(dropped, 0.1, 1))
    learning_rate *= _warmup(state.step, hyperparameters.warmup_epochs, steps_per_epoch)
    first, end = hyperparameters.alpha_epochs
    epoch = state.step // steps_per_epoch
    on = (epoch >= first) & (epoch < end)
    since = state.step - first * steps_per_epoch
    ramp = _warmup(since, hyperparameters.alpha_warmup_epochs, steps_per_epoch)
    alpha = jnp.where(on, hyperparameters.alpha * ramp, 0)

    if recipe.method.images is not None:
        images = _images_of_method(
            state, images, labels, hyperparameters, key, recipe=recipe, axis_name=axis_name
        )
    share = loss_gradients if recipe.micro_batches == 1 else micro_batched_gradients
    gradients, metrics, updates = share(
        state.variables,
        images,
        labels,
        alpha,
        recipe=recipe,
        axis_name=axis_name,
        strength=hyperparameters.strength,
    )
    if axis_name is not None:
        gradients, metrics, updates = jax.lax.pmean((gradients, metrics, updates), axis_name)
    params = state.variables["params"]
    directions, momentum = _optimizer(recipe).update(gradients, state.momentum, params)
    params = optax.apply_updates(params, optax.tree.scale(-learning_rate, directions))
    return TrainState({"params": params, **updates}, momentum, state.step + 1), metrics


def train_steps(
    state: TrainState,
    running: Metrics,
    steps: int | Int[Array, ""],
    batch_at: Callable[
        [Int[Array, ""]], tuple[PRNGKeyArray, UInt8[Array, "samples height width channels"], Array]
    ],
    hyperparameters: Hyperparameters,
    *,
    recipe: Recipe,
    steps_per_epoch: int,
    axis_name: str | None = None,
) -> tuple[TrainState, Metrics]:
    """Takes several training steps in one loop, each on randomly augmented images.

    Args:
      state: training state before these steps.
      running: sums of the metrics before these steps.
      steps: number of steps; traced, so that the function is compiled once for any number.
      batch_at: function from the index of a step to the PRNG key of its augmentation, and this
        device's share of its images, as bytes, and of their labels.
      hyperparameters: hyperparameters of the network.
      recipe: settings shared by all networks.
      steps_per_epoch: number of steps per epoch, from which the schedules are computed.
      axis_name: mapped axis of the devices that share each batch; None for one device.

    Returns:
      The training state after these steps, and the updated sums of the metrics.
    """
    part: tuple[Any, int] = (0, 1)
    if axis_name is not None:
        part = jax.lax.axis_index(axis_name), jax.lax.axis_size(axis_name)

    def step(number, state_and_running):
        state, running = state_and_running
        key, images, labels = batch_at(number)
        augmented = recipe.augment(key, images, horizontal_flip=recipe.horizontal_flip, part=part)
        state, metrics = train_step(
            state,
            to_unit_range(augmented),
            labels,
            hyperparameters,
            recipe=recipe,
            steps_per_epoch=steps_per_epoch,
            axis_name=axis_name,
            key=key,
        )
        return state, jax.tree.map(jnp.add, running, metrics)

    return jax.lax.fori_loop(0, steps, step, (state, running))


def train_epoch(
    state: TrainState,
    images: UInt8[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    hyperparameters: Hyperparameters,
    epoch: Int[Array, ""],
    *,
    recipe: Recipe,
) -> tuple[TrainState, Metrics]:
    """Trains for one epoch, in random order, and returns the mean of each metric over the steps."""
    order, keys = epoch_order(hyperparameters.seed, epoch, len(images), recipe.batch_size)
    nothing = jnp.zeros((), jnp.float32)
    state, metrics = train_steps(
        state,
        Metrics(nothing, nothing, nothing),
        len(order),
        lambda step: (keys[step], images[order[step]], labels[order[step]]),
        hyperparameters,
        recipe=recipe,
        steps_per_epoch=len(order),
    )
    return state, jax.tree.map(lambda total: total / len(order), metrics)


def validate(
    network: Network, variables: dict[str, Any], batches: Batches, *, axis_name: str | None = None
) -> Float[Array, ""]:
    """Accuracy in [0, 1] with the running batch-norm statistics, over all devices of an axis."""

    def correct(batch):
        logits, _ = network.apply(variables, to_unit_range(batch.images))
        return jnp.sum((jnp.argmax(logits, axis=-1) == batch.labels) & batch.where)

    counts = jnp.sum(jax.lax.map(correct, batches)), jnp.sum(batches.where)
    right, all_of_them = counts if axis_name is None else jax.lax.psum(counts, axis_name)
    return right / all_of_them


def _images_of_method(
    state, images, labels, hyperparameters, key, *, recipe: Recipe, axis_name: str | None
):
    """The images that the method trains on: micro-batch by micro-batch, in each view by view."""
    method = recipe.method.images
    assert method is not None
    variables = state.variables
    options = {
        **dict(recipe.method_options),
        "adversarial_step_size": hyperparameters.adversarial_step_size,
    }

    def of_part(part):
        keys, images, labels = part
        return method(
            Batch(
                keys,
                images,
                labels,
                hyperparameters.strength,
                lambda pixels: recipe.network.apply(variables, pixels)[0],
                options,
            )
        )

    whole = keys_of_images(key, len(labels), axis_name), images, labels
    if recipe.micro_batches == 1:
        return of_part(whole)
    parts = jax.tree.map(
        lambda leaf: leaf.reshape(recipe.micro_batches, -1, *leaf.shape[1:]), whole
    )
    made = jax.lax.map(of_part, parts)
    return made.reshape(-1, *images.shape[1:])


def _warmup(step, epochs, steps_per_epoch) -> Float[Array, ""]:
    """Factor that rises linearly to 1 over a number of epochs; exactly 1 for 0 epochs."""
    steps = jnp.round(epochs * steps_per_epoch)
    return jnp.minimum((step + 1) / jnp.maximum(steps, 1), 1).astype(jnp.float32)


def _optimizer(recipe: Recipe) -> optax.GradientTransformation:
    """SGD without the learning rate, which is traced and applied in `train_step`."""
    return optax.chain(optax.add_decayed_weights(recipe.weight_decay), optax.trace(recipe.momentum))
