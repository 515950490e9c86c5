"""AugMix's augmentation of a batch beside Pillow, image by image, and beside a training step.

Pillow applies the operations of the authors' code, and NumPy mixes. The training step is that of a
ResNet-8 on a batch of the same size. Images are random bytes of 32 × 32 pixels, which take as long
as photographs.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from selectax import models
from selectax.augmix import augment_and_mix
from selectax.augmix.mixing import draw
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_step
from tests.reference import augmix as pillow

OURS, PILLOW, STEP = "selectax", "Pillow", "a step of ResNet-8"


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is timed."""

    batch_size: int = 128
    """Images in a batch."""
    batches: int = 4
    """Batches that each contestant processes in a round."""
    rounds: int = 9
    """Of each contestant, in turn."""


def contests(options: Options) -> tuple[Contest, Contest]:
    """Compares the augmentation with Pillow, and with a training step."""
    images = np.random.default_rng(0).integers(0, 256, (options.batch_size, 32, 32, 3), np.uint8)
    contestants = {
        OURS: ours(images),
        PILLOW: functools.partial(by_pillow, images),
        STEP: step(images),
    }
    repeated = {
        name: functools.partial(repeat, one, options.batches) for name, one in contestants.items()
    }
    seconds = time_in_turn(repeated, rounds=options.rounds)
    shared = {"work": options.batch_size * options.batches, "unit": "images"}
    of_ours = {OURS: seconds[OURS]}
    return (
        Contest(
            f"AugMix of {options.batch_size} images",
            of_ours | {PILLOW: seconds[PILLOW]},
            peer=PILLOW,
            aims=Aims(5, 5, gpu=5),
            **shared,
        ),
        Contest(
            f"AugMix of {options.batch_size} images, beside training on them",
            of_ours | {STEP: seconds[STEP]},
            peer=STEP,
            aims=Aims(2, 2, gpu=2),
            **shared,
        ),
    )


def contest(options: Options = Options()) -> Contest:
    return contests(options)[0]


def repeat(run, times):
    for _ in range(times):
        run()


def ours(images):
    """Draws and mixes, with a new key in each call."""
    compiled = jax.jit(lambda seed, images: augment_and_mix(jax.random.key(seed), images))
    images, seeds = jnp.asarray(images), iter(range(2**31))
    return lambda: jax.block_until_ready(compiled(next(seeds), images))


def by_pillow(images):
    """Mixes with draws that are made beforehand."""
    draws = jax.tree.map(
        np.asarray, draw(jax.random.key(0), len(images), width=3, depth=-1, alpha=1.0)
    )
    for number, image in enumerate(images):
        own = jax.tree.map(lambda values, number=number: values[number], draws)
        pillow.augment_and_mix(image, own, 3)


def step(images):
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, 1, len(images))
    hyperparameters = Hyperparameters(*map(jnp.asarray, (0.0, 0.1, 0)))
    state = init_state(hyperparameters, recipe, images.shape[1:])
    pixels = jnp.asarray(images, jnp.float32) / 255
    labels = jnp.arange(len(images), dtype=jnp.int32) % 10
    compiled = jax.jit(functools.partial(train_step, recipe=recipe, steps_per_epoch=1))
    return lambda: jax.block_until_ready(compiled(state, pixels, labels, hyperparameters))


if __name__ == "__main__":
    for one in contests(tyro.cli(Options, description=__doc__)):
        one.show()
