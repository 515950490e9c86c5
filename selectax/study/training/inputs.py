"""Training images, on the device or streamed to it, and the training steps that use them."""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int, UInt8

from selectax.study.runtime.hosts import largest
from selectax.study.runtime.waiting import fetch, wait
from selectax.study.training.population import Population, resident_steps, streamed_steps
from selectax.study.training.recipe import Recipe
from selectax.study.training.streaming import streamed_epoch

# Total size of the batches of all seeds that are on the device at a time. Batches that are still
# being read do not count.
_STREAMED_BYTES = 1 << 28


@dataclasses.dataclass(frozen=True)
class Resident:
    """Training images that are kept on the device."""

    images: UInt8[Array, "samples height width channels"]
    labels: Int[Array, "samples"]

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Streamed:
    """Training images that are read from disk in the order in which training uses them.

    Attributes:
      source: maps an index to an example with an "image" and a "label".
      samples: number of training images; they are the first ones of the source.
    """

    source: Sequence[dict[str, Any]]
    samples: int


def steps_of_epoch(
    population: Population,
    training_images: Resident | Streamed,
    done: int,
    *,
    recipe: Recipe,
    models_at_a_time: int = 1,
    mesh: Mesh | None = None,
    piece_seconds: float = 5,
) -> Iterator[tuple[int, Population]]:
    """Trains to the end of the current epoch in pieces; a checkpoint can be written after each.

    Resident and streamed images give the same networks, whatever the lengths of the pieces.

    Args:
      population: networks before these steps; their buffers are donated.
      training_images: images and labels to train on.
      done: number of steps since the start of training.
      recipe: settings shared by all networks.
      models_at_a_time: number of networks that each device trains in parallel.
      mesh: devices, see `population_epoch`.
      piece_seconds: approximate duration of a piece; pieces of streamed images may be shorter.

    Yields:
      The number of steps since the start of training, and the networks after these steps. Their
      arrays are ready.
    """
    options = {"recipe": recipe, "models_at_a_time": models_at_a_time, "mesh": mesh}
    steps_per_epoch = training_images.samples // recipe.batch_size
    end = done - done % steps_per_epoch + steps_per_epoch
    if isinstance(training_images, Resident):
        pieces = _resident(population, training_images, done, end, piece_seconds, options)
    else:
        pieces = _streamed(population, training_images, done, end, options)
    yield from pieces


def _resident(population, training_images, done, end, piece_seconds, options):
    images, labels = training_images.images, training_images.labels
    length = 1
    while done < end:
        begin = time.monotonic()
        (length,) = largest(length)
        steps = min(length, end - done)
        population = resident_steps(population, images, labels, done, steps, **options)
        wait(population.running)
        done += steps
        yield done, population
        # The very first piece also includes compilation.
        if 2 * (time.monotonic() - begin) < piece_seconds:
            length *= 2


def _streamed(population, training_images, done, end, options):
    recipe, mesh = options["recipe"], options["mesh"]
    seeds, seed_of = np.unique(fetch(population.hyperparameters.seed), return_inverse=True)
    image_bytes = training_images.source[0]["image"].size
    length = max(1, _STREAMED_BYTES // (len(seeds) * recipe.batch_size * image_bytes))
    steps_per_epoch = training_images.samples // recipe.batch_size
    epoch, start = divmod(done, steps_per_epoch)
    pieces = streamed_epoch(
        training_images.source,
        seeds.tolist(),
        epoch,
        samples=training_images.samples,
        batch_size=recipe.batch_size,
        lengths=[min(length, end - at) for at in range(done, end, length)],
        start=start,
        mesh=mesh,
    )
    reached = None
    for piece in pieces:
        # The device trained on the previous piece while this one was read. Waiting here limits the
        # number of pieces in memory.
        if reached is not None:
            wait(population.running)
            yield reached, population
        population = streamed_steps(
            population,
            piece.images,
            piece.labels,
            piece.keys,
            seed_of,
            steps_per_epoch=steps_per_epoch,
            **options,
        )
        done += piece.labels.shape[1]
        reached = done
    wait(population.running)
    yield reached, population
