"""The loss, cross-entropy − alpha · mean selectivity, and its gradient on a batch.

A training method may give several views of each image, one after the other in the batch, and add a
loss of its own. Cross-entropy, selectivity and accuracy are then those of the first view, and batch
norm uses the statistics of all views together.

A batch that does not fit into memory is split into micro-batches. Class means, and therefore
selectivity, are still computed on the whole batch: a first pass sums the responses to each class
over all micro-batches, and a second pass backpropagates the gradient of selectivity with respect to
these sums through each micro-batch. This costs one extra forward pass. Batch norm uses the
statistics of each micro-batch.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from selectax.arguments.activations import layer_groups
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
    """Training metrics of one batch, or their sums or means over several batches."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]
    selectivity: Float[Array, ""]


Gradients = tuple[Any, Metrics, Variables]


def loss_gradients(
    variables: Variables,
    images: Float[Array, "views*samples height width channels"],
    labels: Int[Array, "samples"],
    alpha: Float[Array, ""],
    *,
    recipe: Recipe,
    axis_name: str | None,
    strength: Float[Array | np.ndarray, ""],
) -> Gradients:
    """Computes the gradient of the loss on this device's share of a batch.

    Averaging the gradients of all devices gives the gradient on the whole batch.

    Args:
      variables: variables of the network, with the parameters under "params".
      images: this device's share of the batch, in [0, 1]; all views of the training method.
      labels: classes of the images of one view.
      alpha: strength of the regularizer.
      recipe: settings shared by all networks.
      axis_name: mapped axis of the devices that share the batch; None for one device.
      strength: strength of the training method.

    Returns:
      The gradient with respect to the parameters, the metrics, and the updated statistics of batch
      norm.
    """

    def loss_and_metrics(params):
        views, activations, updates = _apply(
            variables | {"params": params}, images, recipe, axis_name
        )
        what = (activations, labels, recipe.num_classes)
        if recipe.regularizer is None:
            penalty = selectivity_penalty(
                *what, alpha=alpha, layers=recipe.layers, axis_name=axis_name
            )
        else:
            penalty = -alpha * recipe.regularizer(*what)
        loss = _criterion(views, labels, strength, recipe) + penalty
        selectivity = mean_selectivity(*what, axis_name=axis_name)
        return loss, (Metrics(loss, _accuracy(views[0], labels), selectivity), updates)

    gradients, (metrics, updates) = jax.grad(loss_and_metrics, has_aux=True)(variables["params"])
    return gradients, metrics, updates


def micro_batched_gradients(
    variables: Variables,
    images: Float[Array, "views*samples height width channels"],
    labels: Int[Array, "samples"],
    alpha: Float[Array, ""],
    *,
    recipe: Recipe,
    axis_name: str | None,
    strength: Float[Array | np.ndarray, ""],
) -> Gradients:
    """Computes the same as `loss_gradients`, one micro-batch after the other."""
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
        """Its gradient, averaged over micro-batches and devices, is the gradient of the loss."""
        views, activations, updates = _apply(
            variables | {"params": params}, images, recipe, axis_name
        )
        loss = _criterion(views, labels, strength, recipe)
        moments = moments_of(activations, labels)
        pulled = sum(jnp.vdot(slopes[name].total, moments[name].total) for name in moments)
        found = (loss, _accuracy(views[0], labels), updates)
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
    """Returns the logits of each view, the activations of the first view, and the new state."""
    network = recipe.network
    if network.train is None:
        updates = {name: value for name, value in variables.items() if name != "params"}
        logits, activations = network.apply(variables, images)
    else:
        statistics_axis = axis_name if recipe.synchronize_batch_norm else None
        (logits, activations), updates = network.train(variables, images, statistics_axis)
    views, samples = recipe.method.views, len(images) // recipe.method.views
    if views > 1:
        activations = {name: layer[:samples] for name, layer in activations.items()}
    return logits.reshape(views, samples, -1), activations, updates


def _criterion(views, labels, strength, recipe):
    """Cross-entropy of the first view, and the loss of the training method."""
    losses = optax.softmax_cross_entropy_with_integer_labels(views[0], labels)
    if recipe.method.loss is None:
        return jnp.mean(losses)
    return jnp.mean(losses) + recipe.method.loss(views, labels, strength)


def _accuracy(logits, labels):
    return jnp.mean(jnp.argmax(logits, axis=-1) == labels, dtype=jnp.float32)


def _mean_index(moments, layers):
    """Mean over layers, or groups of layers, of the mean selectivity over their units."""
    groups = layer_groups(tuple(moments) if layers is None else layers)
    index = {name: class_selectivity_index(*class_means(of)) for name, of in moments.items()}
    pooled = [jnp.concatenate([index[name] for name in group]) for group in groups]
    return jnp.mean(jnp.stack([jnp.mean(units) for units in pooled]))
