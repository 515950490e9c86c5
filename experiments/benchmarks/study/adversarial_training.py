"""Adversarial training of ResNet-8: images/s of our compiled epoch beside the same loop in PyTorch.

Both attack each batch by PGD in linf from a random start, with the network in evaluation mode, and
take an SGD step on the attacked images. Also printed: the cost of an adversarial step in units of
(steps + 1) standard steps, which is to be at most 1.1.
"""

import dataclasses
import functools
import statistics

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
from selectax.study.training.methods.registry import TRAINING_METHODS
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_epoch

EPSILON = 8
OURS, STANDARD, PEER = "selectax, adversarial", "selectax, standard", "PyTorch, adversarial"


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is timed."""

    batch_size: int = 128
    """Images a step."""
    attack_steps: int = 7
    """Steps of the attack."""
    steps: int = 2
    """Training steps of a round."""
    rounds: int = 7
    """Rounds, in each of which every contestant runs once."""


def contest(options: Options = Options()) -> Contest:
    images, labels = (
        values[: options.batch_size * options.steps] for values in load_large_digits("train")
    )
    contestants = {
        OURS: our_epoch(images, labels, "adversarial", options),
        STANDARD: our_epoch(images, labels, "standard", options),
        PEER: their_epoch(images, labels, options),
        f"{PEER}, channels last": their_epoch(images, labels, options, torch.channels_last),
    }
    return Contest(
        f"Adversarial training of ResNet-8, batch {options.batch_size}, PGD of "
        f"{options.attack_steps} steps",
        time_in_turn(contestants, rounds=options.rounds),
        work=len(images),
        unit="images",
        peer=PEER,
        aims=Aims(0.7, 0.7, 0.7),
    )


def cost(contest: Contest, attack_steps: int) -> float:
    """Cost of an adversarial step in units of (steps + 1) standard steps."""
    pairs = zip(contest.seconds[OURS], contest.seconds[STANDARD], strict=True)
    return statistics.median(ours / standard for ours, standard in pairs) / (attack_steps + 1)


def our_epoch(images, labels, method, options):
    static = (("adversarial_norm", "linf"), ("adversarial_steps", options.attack_steps))
    recipe = Recipe(
        of_module(models.create("resnet8", 10)),
        num_classes=10,
        epochs=1,
        batch_size=options.batch_size,
        method=TRAINING_METHODS[method],
        method_options=static if method == "adversarial" else (),
    )
    hyperparameters = Hyperparameters(
        jnp.float32(0), jnp.float32(0.1), jnp.int32(0), strength=jnp.float32(EPSILON)
    )
    state = init_state(hyperparameters, recipe, images.shape[1:])
    epoch = jax.jit(functools.partial(train_epoch, recipe=recipe))
    arguments = (state, jnp.asarray(images), jnp.asarray(labels), hyperparameters, jnp.int32(0))
    return lambda: jax.block_until_ready(epoch(*arguments))


def their_epoch(images, labels, options, memory_format=torch.contiguous_format):
    network = CifarResNet(8, 10).to(device(), memory_format=memory_format)
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
            attacked = their_attack(network, batch, classes, options.attack_steps)
            optimizer.zero_grad()
            functional.cross_entropy(network(attacked), classes).backward()
            optimizer.step()
        finished()

    return epoch


def their_attack(network, images, classes, steps):
    """PGD; gradients with respect to the parameters are not computed."""
    network.eval()
    epsilon = EPSILON / 255
    points = (images + torch.empty_like(images).uniform_(-epsilon, epsilon)).clamp(0, 1)
    for _ in range(steps):
        points.requires_grad_(True)
        loss = functional.cross_entropy(network(points), classes, reduction="sum")
        (slope,) = torch.autograd.grad(loss, points)
        moved = points.detach() + 2.5 * epsilon / steps * slope.sign()
        points = torch.min(torch.max(moved, images - epsilon), images + epsilon).clamp(0, 1)
    network.train()
    return points.detach()


if __name__ == "__main__":
    given = tyro.cli(Options, description=__doc__)
    found = contest(given)
    found.show()
    print(
        f"An adversarial step costs {cost(found, given.attack_steps):.2f} times "
        f"{given.attack_steps + 1} standard steps."
    )
