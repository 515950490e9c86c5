"""PGD on ResNet-20: image-steps/s of selectax.attacks.pgd beside torchattacks.PGD."""

import dataclasses

import jax
import jax.numpy as jnp
import torch
import torchattacks
import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.digits import load_large_digits
from experiments.benchmarks.shared.peer import CifarResNet, device, finished
from selectax import models
from selectax.attacks import pgd

EPSILON = 8 / 255


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is timed."""

    images: int = 256
    """Attacked at once."""
    steps: int = 10
    """Of PGD."""
    rounds: int = 7
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    # Any images and weights will do: speed does not depend on them.
    images, labels = (values[: options.images] for values in load_large_digits("train"))
    contestants = {
        "selectax": our_attack(images, labels, options.steps),
        "torchattacks": their_attack(images, labels, options.steps),
    }
    return Contest(
        f"PGD (linf, {options.steps} steps) on ResNet-20, {options.images} images",
        time_in_turn(contestants, rounds=options.rounds),
        work=options.images * options.steps,
        unit="image-steps",
        peer="torchattacks",
        aims=Aims(0.7, 1.0, gpu=3),
    )


def our_attack(images, labels, steps):
    module = models.create("resnet20", 10)
    images, labels = jnp.asarray(images, jnp.float32) / 255, jnp.asarray(labels)
    variables = module.init(jax.random.key(0), images[:1])

    @jax.jit
    def attack(key, variables, images, labels, epsilon):
        def logits_fn(images):
            return module.apply(variables, images)[0]

        return pgd(key, logits_fn, images, labels, epsilon=epsilon, steps=steps)

    arguments = (jax.random.key(1), variables, images, labels, EPSILON)
    return lambda: attack(*arguments).block_until_ready()


def their_attack(images, labels, steps):
    network = CifarResNet(20, 10).eval().to(device())
    attack = torchattacks.PGD(network, eps=EPSILON, alpha=2.5 * EPSILON / steps, steps=steps)
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).contiguous().to(device())
    classes = torch.from_numpy(labels).long().to(device())

    def run():
        attack(pixels, classes)
        finished()

    return run


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
