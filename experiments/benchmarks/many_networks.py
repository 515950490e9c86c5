"""Training 32 networks: images/s of one population beside PyTorch's loop over the same networks.

For a GPU, on which PyTorch's step is compiled and its feature maps have their channels last; the
processor's own figures are those of population.py. Counted for selectax is what training.py says,
for PyTorch the SGD steps alone.
"""

import jax
import jax.numpy as jnp
import torch
from contest import Aims, Contest, time_in_turn
from peer import CifarResNet, device, finished
from population import population_of, repeated_steps
from torch.nn import functional

from selectax import models
from selectax.datasets import load
from selectax.study.recipe import Recipe

NETWORKS, BATCH, STEPS, ROUNDS = 32, 128, 8, 5
PEER = "PyTorch, one by one, channels last"


def contest() -> Contest:
    images, labels = (values[: BATCH * STEPS] for values in load("digits", "train"))
    contestants = {
        "one population": our_steps(images, labels),
        PEER: their_steps(images, labels),
    }
    return Contest(
        f"Training {NETWORKS} ResNet-20, batch {BATCH}",
        time_in_turn(contestants, rounds=ROUNDS),
        work=NETWORKS * BATCH * STEPS,
        unit="images",
        peer=PEER,
        aims=Aims(0.6, 0.9, gpu=10),
    )


def our_steps(images, labels):
    recipe = Recipe(models.create("resnet20", 10), 10, epochs=1, batch_size=BATCH)
    at_a_time = NETWORKS if jax.default_backend() == "gpu" else 1
    population, there = population_of(NETWORKS, recipe), map(jnp.asarray, (images, labels))
    return repeated_steps(population, *there, STEPS, recipe=recipe, models_at_a_time=at_a_time)


def their_steps(images, labels):
    pixels = torch.from_numpy(images).to(device()).permute(0, 3, 1, 2).float() / 255
    classes = torch.from_numpy(labels).long().to(device())
    batches = [
        (batch.contiguous(memory_format=torch.channels_last), of_batch)
        for batch, of_batch in zip(pixels.split(BATCH), classes.split(BATCH), strict=True)
    ]
    networks = [
        CifarResNet(20, 10).to(device(), memory_format=torch.channels_last) for _ in range(NETWORKS)
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
    contest().show()
