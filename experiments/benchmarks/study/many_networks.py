"""Training 32 networks: images/s of one population beside PyTorch's loop over the same networks.

For a GPU, on which PyTorch's step is compiled and its feature maps have their channels last; the
processor's own figures are those of population.py. Counted for selectax is what training.py says,
for PyTorch the SGD steps alone.
"""

import dataclasses

import jax
import jax.numpy as jnp
import torch
import tyro
from torch.nn import functional

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.digits import load_large_digits
from experiments.benchmarks.shared.peer import CifarResNet, device, finished
from experiments.benchmarks.study.population import population_of, repeated_steps
from selectax import models
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe

PEER = "PyTorch, one by one, channels last"


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is timed."""

    networks: int = 32
    """Trained."""
    depth: int = 20
    """Of the ResNets: 6n + 2."""
    batch_size: int = 128
    """Images a step."""
    steps: int = 8
    """Of a round."""
    rounds: int = 5
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    count = options.batch_size * options.steps
    images, labels = (values[:count] for values in load_large_digits("train"))
    contestants = {
        "one population": our_steps(images, labels, options),
        PEER: their_steps(images, labels, options),
    }
    return Contest(
        f"Training {options.networks} ResNet-{options.depth}, batch {options.batch_size}",
        time_in_turn(contestants, rounds=options.rounds),
        work=options.networks * count,
        unit="images",
        peer=PEER,
        aims=Aims(0.6, 0.9, gpu=10),
    )


def our_steps(images, labels, options):
    network = of_module(models.create(f"resnet{options.depth}", 10))
    recipe = Recipe(network, 10, epochs=1, batch_size=options.batch_size)
    at_a_time = options.networks if jax.default_backend() == "gpu" else 1
    population, there = population_of(options.networks, recipe), map(jnp.asarray, (images, labels))
    return repeated_steps(
        population, *there, options.steps, recipe=recipe, models_at_a_time=at_a_time
    )


def their_steps(images, labels, options):
    pixels = torch.from_numpy(images).to(device()).permute(0, 3, 1, 2).float() / 255
    classes = torch.from_numpy(labels).long().to(device())
    batches = [
        (batch.contiguous(memory_format=torch.channels_last), of_batch)
        for batch, of_batch in zip(
            pixels.split(options.batch_size), classes.split(options.batch_size), strict=True
        )
    ]
    networks = [
        CifarResNet(options.depth, 10).to(device(), memory_format=torch.channels_last)
        for _ in range(options.networks)
    ]
    optimizers = [
        torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
        for network in networks
    ]

    def loss(network, batch, of_batch):
        return functional.cross_entropy(network(batch), of_batch)

    compiled = torch.compile(loss) if device() == "cuda" else loss

    def run():
        for network, optimizer in zip(networks, optimizers, strict=True):
            for batch, of_batch in batches:
                optimizer.zero_grad()
                compiled(network, batch, of_batch).backward()
                optimizer.step()
        finished()

    return run


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
