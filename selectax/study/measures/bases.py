"""Measures class selectivity in other orthogonal bases than that of the units.

References:
  Leavitt & Morcos, 2020, arXiv 2003.01262 (which asks whether the regularizer only rotates
  selectivity out of the units' basis; the two measures here are our choice).
"""

import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.bases import best_basis, rotated_selectivity
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means
from selectax.study.measures.subject import Subject
from selectax.study.runtime.waiting import fetch


def rows(subject: Subject) -> list[Row]:
    """Returns rows for each layer, and the means over layers."""
    test = subject.images.test
    # Of one network at a time: the search enlarges the differences of rounding that a program over
    # several devices may have.
    responses = subject.clean_responses
    rotated, best = {}, {}
    for name in subject.layers:
        rotated[name], best[name] = fetch(
            measure_bases(
                jax.random.fold_in(subject.key, zlib.crc32(name.encode())),
                np.stack([of_batch[name] for of_batch in responses]),
                test.labels,
                test.where,
                num_classes=subject.num_classes,
            )
        )
    return [
        *layer_means("class_selectivity_rotated", rotated),
        *layer_means("class_selectivity_best_basis", best),
    ]


@functools.partial(jax.jit, static_argnames="num_classes")
def measure_bases(
    key: PRNGKeyArray,
    responses: Float[Array, "batches samples units"],
    labels: Int[Array, "batches samples"],
    where: Bool[Array, "batches samples"],
    *,
    num_classes: int,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Computes the selectivity of one layer under random rotations and in the best basis found.

    Args:
      key: PRNG key for the rotations and the starts of the search.
      responses: responses of the layer to clean images.
      labels: class of each image.
      where: the images that count.
      num_classes: number of classes.

    Returns:
      The mean over random rotations, and the mean of the best basis found.
    """
    of_rotations, of_search = jax.random.split(key)
    layer = responses.reshape(-1, responses.shape[-1])
    labels, where = labels.ravel(), where.ravel()
    rotated = rotated_selectivity(of_rotations, layer, labels, num_classes, where=where)
    best = best_basis(of_search, layer, labels, num_classes, where=where)
    return jnp.mean(rotated), best.selectivity
