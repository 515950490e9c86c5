"""What class selectivity adds to a training step of ResNet-20, as a metric and as a regularizer."""

import contextlib
import functools
from unittest import mock

import jax
import jax.numpy as jnp
from contest import Aims, Contest, time_in_turn

from selectax import models
from selectax.datasets import load
from selectax.study import gradients, training
from selectax.study.recipe import Recipe

BATCH, STEPS, ROUNDS = 128, 4, 15
WITHOUT = "without selectivity"


def contest() -> Contest:
    images, labels = (values[: BATCH * STEPS] for values in load("digits", "train"))
    contestants = {
        "regularizer and metric": compiled_epoch(images, labels),
        "metric alone": compiled_epoch(images, labels, "selectivity_penalty"),
        WITHOUT: compiled_epoch(images, labels, "selectivity_penalty", "mean_selectivity"),
    }
    return Contest(
        f"Training ResNet-20, batch {BATCH}, alpha traced, all layers",
        time_in_turn(contestants, rounds=ROUNDS),
        work=STEPS,
        unit="steps",
        peer=WITHOUT,
        aims=Aims(1 / 1.03, 1 / 1.03, gpu=1 / 1.03),
    )


def compiled_epoch(images, labels, *left_out):
    """An epoch in which these functions of the training step are compiled as zero."""
    recipe = Recipe(models.create("resnet20", 10), 10, epochs=1, batch_size=BATCH)
    hyperparameters = training.Hyperparameters(*map(jnp.asarray, (-1.0, 0.1, 0)))
    state = training.init_state(hyperparameters, recipe, images.shape[1:])
    arguments = (state, jnp.asarray(images), jnp.asarray(labels), hyperparameters, jnp.int32(0))
    with contextlib.ExitStack() as patches:
        for name in left_out:
            patches.enter_context(mock.patch.object(gradients, name, return_value=jnp.zeros(())))
        epoch = jax.jit(functools.partial(training.train_epoch, recipe=recipe))
        epoch = epoch.lower(*arguments).compile()
    return lambda: jax.block_until_ready(epoch(*arguments))


if __name__ == "__main__":
    contest().show()
