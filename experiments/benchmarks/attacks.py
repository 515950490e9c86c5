"""PGD on ResNet-20: image-steps/s of selectax.attacks.pgd beside torchattacks.PGD."""

import jax
import jax.numpy as jnp
import torch
import torchattacks
from contest import Aims, Contest, time_in_turn
from peer import CifarResNet, device, finished

from selectax import models
from selectax.attacks import pgd
from selectax.datasets import load

IMAGES, STEPS, ROUNDS = 256, 10, 7
EPSILON = 8 / 255


def contest() -> Contest:
    # Any images and weights will do: speed does not depend on them.
    images, labels = (values[:IMAGES] for values in load("digits", "train"))
    contestants = {
        "selectax": our_attack(images, labels),
        "torchattacks": their_attack(images, labels),
    }
    return Contest(
        f"PGD (linf, {STEPS} steps) on ResNet-20, {IMAGES} images",
        time_in_turn(contestants, rounds=ROUNDS),
        work=IMAGES * STEPS,
        unit="image-steps",
        peer="torchattacks",
        aims=Aims(0.7, 1.0, gpu=3),
    )


def our_attack(images, labels):
    module = models.create("resnet20", 10)
    images, labels = jnp.asarray(images, jnp.float32) / 255, jnp.asarray(labels)
    variables = module.init(jax.random.key(0), images[:1])

    @jax.jit
    def attack(key, variables, images, labels, epsilon):
        def logits_fn(images):
            return module.apply(variables, images)[0]

        return pgd(key, logits_fn, images, labels, epsilon=epsilon, steps=STEPS)

    arguments = (jax.random.key(1), variables, images, labels, EPSILON)
    return lambda: attack(*arguments).block_until_ready()


def their_attack(images, labels):
    network = CifarResNet(20, 10).eval().to(device())
    attack = torchattacks.PGD(network, eps=EPSILON, alpha=2.5 * EPSILON / STEPS, steps=STEPS)
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).contiguous().to(device())
    classes = torch.from_numpy(labels).long().to(device())

    def run():
        attack(pixels, classes)
        finished()

    return run


if __name__ == "__main__":
    contest().show()
