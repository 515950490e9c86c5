"""Training images, on the device or streamed to it, and the steps that are taken on them."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt8

from selectax.study.interruptible import fetch
from selectax.study.population import Population, resident_steps, streamed_steps
from selectax.study.streaming import streamed_epoch
from selectax.study.training import Recipe

# Of the batches of all seeds that lie on the device at a time, besides those being read.
_STREAMED_BYTES = 1 << 28


@dataclasses.dataclass(frozen=True)
class Resident:
    """Images that lie on the device."""

    images: UInt8[Array, "samples height width channels"]
    labels: Int[Array, "samples"]

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Streamed:
    """Images that are read from disk in the order in which they are taken.

    Attributes:
      source: examples of an "image" and a "label" by index.
      samples: how many of them, from the first on, are for training.
    """

    source: Sequence[dict[str, Any]]
    samples: int


def steps_of_epoch(
    population: Population,
    training_images: Resident | Streamed,
    done: int,
    *,
    recipe: Recipe,
    models_at_a_time: int,
) -> Iterator[tuple[int, Population]]:
    """Trains to the end of an epoch, in pieces after each of which a checkpoint can be written.

    Resident and streamed images give the same networks.

    Args:
      population: networks before; its memory is reused.
      training_images: to train on.
      done: steps that were taken since the start of training.
      recipe: what all networks share.
      models_at_a_time: networks trained side by side.

    Yields:
      Steps that were taken since the start of training, and the networks after them.
    """
    options = {"recipe": recipe, "models_at_a_time": models_at_a_time}
    steps_per_epoch = training_images.samples // recipe.batch_size
    epoch, start = divmod(done, steps_per_epoch)
    left = steps_per_epoch - start
    if isinstance(training_images, Resident):
        images, labels = training_images.images, training_images.labels
        yield (
            done + left,
            resident_steps(population, images, labels, jnp.asarray(done), steps=left, **options),
        )
        return
    seeds, seed_of = np.unique(jax.device_get(population.hyperparameters.seed), return_inverse=True)
    image_bytes = training_images.source[0]["image"].size
    length = max(1, _STREAMED_BYTES // (len(seeds) * recipe.batch_size * image_bytes))
    pieces = streamed_epoch(
        training_images.source,
        seeds.tolist(),
        epoch,
        samples=training_images.samples,
        batch_size=recipe.batch_size,
        lengths=[min(length, left - at) for at in range(0, left, length)],
        start=start,
    )
    for piece in pieces:
        # While the device works on one piece the next is read, but no further ones are piled up.
        fetch(population.running)
        population = streamed_steps(
            population,
            piece.images,
            piece.labels,
            piece.keys,
            jnp.asarray(seed_of),
            steps_per_epoch=steps_per_epoch,
            **options,
        )
        done += piece.labels.shape[1]
        yield done, population
