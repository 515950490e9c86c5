"""The loss, cross-entropy − alpha · mean selectivity, and its gradient on a batch.

A batch that does not fit goes through the network in micro-batches. Class means, and so
selectivity, are of the whole batch even then: a first pass sums the responses of each class, and in
the second each micro-batch's sums are pulled back with the gradient of the whole batch's
selectivity, which costs one more forward pass. Batch norm takes the statistics of each micro-batch.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from selectax.regularization import selectivity_penalty
from selectax.selectivity import (
    class_means,
    class_selectivity_index,
    init_class_moments,
    mean_selectivity,
    unit_responses,
    update_class_moments,
)
from selectax.study.training.recipe import Recipe

Variables = dict[str, Any]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Metrics:
    """Of a batch, or sums or means over several."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]
    selectivity: Float[Array, ""]


Gradients = tuple[Any, Metrics, Variables]


def loss_gradients(
    variables: Variables,
    images: Float[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    alpha: Float[Array, ""],
    *,
    recipe: Recipe,
    axis_name: str | None,
) -> Gradients:
    """Of one device's share of a batch; the devices' mean is that of the whole batch.

    Args:
      variables: of the network.
      images: this device's share, in [0, 1].
      labels: its classes.
      alpha: strength of the regularizer.
      recipe: what all networks share.
      axis_name: mapped axis of the devices that share the batch.

    Returns:
      The gradient with respect to the parameters, metrics, and the batch norms' new statistics.
    """

    def loss_and_metrics(params):
        logits, activations, updates = _apply(
            variables | {"params": params}, images, recipe, axis_name
        )
        what = (activations, labels, recipe.num_classes)
        if recipe.regularizer is None:
            penalty = selectivity_penalty(
                *what, alpha=alpha, layers=recipe.layers, axis_name=axis_name
            )
        else:
            penalty = -alpha * recipe.regularizer(*what)
        loss = _cross_entropy(logits, labels) + penalty
        selectivity = mean_selectivity(*what, axis_name=axis_name)
        return loss, (Metrics(loss, _accuracy(logits, labels), selectivity), updates)

    gradients, (metrics, updates) = jax.grad(loss_and_metrics, has_aux=True)(variables["params"])
    return gradients, metrics, updates


def micro_batched_gradients(
    variables: Variables,
    images: Float[Array, "samples height width channels"],
    labels: Int[Array, "samples"],
    alpha: Float[Array, ""],
    *,
    recipe: Recipe,
    axis_name: str | None,
) -> Gradients:
    """The same as `loss_gradients`, one micro-batch after the other."""
    micro_batches = jax.tree.map(
        lambda whole: whole.reshape(recipe.micro_batches, -1, *whole.shape[1:]), (images, labels)
    )

    def moments_of(activations, labels):
        return {
            name: update_class_moments(
                init_class_moments(recipe.num_classes, layer.shape[-1]),
                unit_responses(layer),
                labels,
            )
            for name, layer in activations.items()
        }

    def sums(micro_batch):
        images, labels = micro_batch
        _, activations, _ = _apply(variables, images, recipe, axis_name)
        return moments_of(activations, labels)

    totals = jax.tree.map(lambda parts: jnp.sum(parts, axis=0), jax.lax.map(sums, micro_batches))
    devices = 1
    if axis_name is not None:
        totals, devices = jax.lax.psum(totals, axis_name), jax.lax.axis_size(axis_name)

    def penalty(totals):
        return -alpha * _mean_index(totals, recipe.layers)

    slopes = jax.grad(penalty)(totals)

    def surrogate(params, images, labels):
        """Its gradients, averaged over micro-batches and devices, are those of the loss."""
        logits, activations, updates = _apply(
            variables | {"params": params}, images, recipe, axis_name
        )
        loss = _cross_entropy(logits, labels)
        moments = moments_of(activations, labels)
        pulled = sum(jnp.vdot(slopes[name].total, moments[name].total) for name in moments)
        found = (loss, _accuracy(logits, labels), updates)
        return loss + devices * recipe.micro_batches * pulled, found

    def add(total, micro_batch):
        gradients, found = jax.grad(surrogate, has_aux=True)(variables["params"], *micro_batch)
        return jax.tree.map(jnp.add, total, gradients), found

    nothing = jax.tree.map(jnp.zeros_like, variables["params"])
    total, found = jax.lax.scan(add, nothing, micro_batches)
    gradients = jax.tree.map(lambda leaf: leaf / recipe.micro_batches, total)
    loss, accuracy, updates = jax.tree.map(lambda parts: jnp.mean(parts, axis=0), found)
    metrics = Metrics(loss + penalty(totals), accuracy, _mean_index(totals, None))
    return gradients, metrics, updates


def _apply(variables, images, recipe, axis_name):
    network = recipe.network
    if network.train is None:
        state = {name: value for name, value in variables.items() if name != "params"}
        return *network.apply(variables, images), state
    statistics_axis = axis_name if recipe.synchronize_batch_norm else None
    (logits, activations), updates = network.train(variables, images, statistics_axis)
    return logits, activations, updates


def _cross_entropy(logits, labels):
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def _accuracy(logits, labels):
    return jnp.mean(jnp.argmax(logits, axis=-1) == labels, dtype=jnp.float32)


def _mean_index(moments, layers):
    """Over layers, of the mean over units."""
    names = moments if layers is None else layers
    means = [jnp.mean(class_selectivity_index(*class_means(moments[name]))) for name in names]
    return jnp.mean(jnp.stack(means))
