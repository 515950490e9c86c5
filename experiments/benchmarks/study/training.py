"""Training a ResNet: images/s of selectax's compiled epoch beside PyTorch's plain step.

Counted for selectax: shuffling, cropping, flipping, the regularizer and its metric, and the SGD
step. Counted for PyTorch: the SGD step alone, on batches that lie ready.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import torch
import tyro
from torch.nn import functional

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.digits import load_large_digits
from experiments.benchmarks.shared.peer import CifarResNet, device, finished
from selectax import models
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_epoch


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is timed."""

    depth: int = 20
    """Of the ResNet: 6n + 2."""
    batch_size: int = 128
    """Images a step."""
    steps: int = 4
    """Of a round."""
    rounds: int = 9
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    # Any images will do: speed does not depend on them.
    count = options.batch_size * options.steps
    images, labels = (values[:count] for values in load_large_digits("train"))
    contestants = {
        "selectax, alpha −1": our_epoch(images, labels, -1, options),
        "selectax, alpha 0": our_epoch(images, labels, 0, options),
        "PyTorch": their_epoch(images, labels, options),
        "PyTorch, channels last": their_epoch(images, labels, options, torch.channels_last),
    }
    return Contest(
        f"Training ResNet-{options.depth}, batch {options.batch_size}",
        time_in_turn(contestants, rounds=options.rounds),
        work=len(images),
        unit="images",
        peer="PyTorch",
        aims=Aims(0.8, 0.9),
    )


def our_epoch(images, labels, alpha, options):
    network = of_module(models.create(f"resnet{options.depth}", 10))
    recipe = Recipe(network, num_classes=10, epochs=1, batch_size=options.batch_size)
    hyperparameters = Hyperparameters(jnp.float32(alpha), jnp.float32(0.1), jnp.int32(0))
    state = init_state(hyperparameters, recipe, images.shape[1:])
    epoch = jax.jit(functools.partial(train_epoch, recipe=recipe))
    arguments = (state, jnp.asarray(images), jnp.asarray(labels), hyperparameters, jnp.int32(0))
    return lambda: jax.block_until_ready(epoch(*arguments))


def their_epoch(images, labels, options, memory_format=torch.contiguous_format):
    network = CifarResNet(options.depth, 10).to(device(), memory_format=memory_format)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    pixels = torch.from_numpy(images).to(device()).permute(0, 3, 1, 2).float() / 255
    batches = [
        (batch.contiguous(memory_format=memory_format), classes)
        for batch, classes in zip(
            pixels.split(options.batch_size),
            torch.from_numpy(labels).long().to(device()).split(options.batch_size),
            strict=True,
        )
    ]

    def epoch():
        for batch, classes in batches:
            optimizer.zero_grad()
            functional.cross_entropy(network(batch), classes).backward()
            optimizer.step()
        finished()

    return epoch


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
