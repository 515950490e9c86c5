"""What class selectivity adds to a training step, as a metric and as a regularizer."""

import contextlib
import dataclasses
import functools
from unittest import mock

import jax
import jax.numpy as jnp
import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.digits import load_large_digits
from selectax import models
from selectax.models.network import of_module
from selectax.study.training import loss as gradients
from selectax.study.training import step as training
from selectax.study.training.recipe import Recipe

WITHOUT = "without selectivity"


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is timed."""

    depth: int = 20
    """Of the ResNet: 6n + 2."""
    batch_size: int = 128
    """Images a step."""
    steps: int = 4
    """Of a round."""
    rounds: int = 15
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    count = options.batch_size * options.steps
    images, labels = (values[:count] for values in load_large_digits("train"))
    epoch = functools.partial(compiled_epoch, images, labels, options)
    contestants = {
        "regularizer and metric": epoch(),
        "metric alone": epoch("selectivity_penalty"),
        WITHOUT: epoch("selectivity_penalty", "mean_selectivity"),
    }
    return Contest(
        f"Training ResNet-{options.depth}, batch {options.batch_size}, alpha traced, all layers",
        time_in_turn(contestants, rounds=options.rounds),
        work=options.steps,
        unit="steps",
        peer=WITHOUT,
        aims=Aims(1 / 1.03, 1 / 1.03, gpu=1 / 1.03),
    )


def compiled_epoch(images, labels, options, *left_out):
    """An epoch in which these functions of the training step are compiled as zero."""
    network = of_module(models.create(f"resnet{options.depth}", 10))
    recipe = Recipe(network, 10, epochs=1, batch_size=options.batch_size)
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
    contest(tyro.cli(Options, description=__doc__)).show()
