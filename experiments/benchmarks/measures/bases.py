"""Selectivity under random rotations against one pass of clean images through ResNet-8.

The responses of all layers are rotated and their selectivity is computed. The search for the best
basis, of the same responses, is timed beside it.

  python experiments/benchmarks/measures/bases.py [--images 10000] [--rotations 10] [--rounds 5]
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from selectax import models
from selectax.bases import best_basis, rotated_selectivity
from selectax.datasets.pipeline.batches import in_batches
from selectax.study.measures.computation.over_networks import stack
from selectax.study.measures.computation.statistics import measure_clean

CLASSES = 10
PASS = "one clean pass"


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    images: int = 10_000
    """Images of 32 × 32 pixels."""
    rotations: int = 10
    """Random rotations of each layer."""
    steps: int = 200
    """Steps of the search from each of 4 starts."""
    rounds: int = 5
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (options.images, 32, 32, 3)).astype(np.uint8)
    labels = generator.integers(0, CLASSES, options.images).astype(np.int32)
    batches = jax.device_put(in_batches(images, labels, 128))
    module = models.create("resnet8", CLASSES)
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    of_one_network = stack([variables], None)
    clean_pass = functools.partial(
        measure_clean, of_one_network, batches, apply=module.apply, num_classes=CLASSES
    )
    key, (_, responses) = jax.random.key(1), clean_pass()
    layers = {
        name: jnp.concatenate([of_batch[name][0] for of_batch in responses])[: options.images]
        for name in responses[0]
    }

    def of_layers(measure):
        return lambda: jax.block_until_ready([measure(layer) for layer in layers.values()])

    contestants = {
        f"{options.rotations} random rotations": of_layers(
            lambda layer: rotated_selectivity(
                key, layer, labels, CLASSES, rotations=options.rotations
            )
        ),
        "search for the best basis": of_layers(
            lambda layer: best_basis(key, layer, labels, CLASSES, steps=options.steps)
        ),
        PASS: clean_pass,
    }
    return Contest(
        f"Selectivity of all layers of ResNet-8 under {options.rotations} random rotations",
        time_in_turn(contestants, rounds=options.rounds),
        work=options.images,
        unit="images",
        peer=PASS,
        aims=Aims(1, 1, gpu=1),
    )


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
