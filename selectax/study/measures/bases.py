"""Measures class selectivity in other orthogonal bases than that of the units.

References:
  Leavitt & Morcos, 2020, arXiv 2003.01262 (which asks whether the regularizer only rotates
  selectivity out of the units' basis; the two measures here are our choice).
"""

import functools
import zlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from selectax.bases import best_basis, rotated_selectivity
from selectax.study.measures.cohort import Cohort
from selectax.study.measures.computation.over_networks import over_networks
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import layer_means
from selectax.study.measures.subject import Subject
from selectax.study.runtime.waiting import fetch


def rows(subject: Subject) -> list[Row]:
    """Returns rows for each layer, and the means over layers."""
    test = subject.images.test
    labels, where = jax.device_get((test.labels, test.where))
    rotated, best = {}, {}
    for name in subject.layers:
        compute = functools.partial(_measure_layer, name, labels, where)
        rotated[name], best[name] = subject.cohort.part(subject, ("bases", name), compute)
    return [
        *layer_means("class_selectivity_rotated", rotated),
        *layer_means("class_selectivity_best_basis", best),
    ]


def _measure_layer(name, labels, where, cohort: Cohort):
    return fetch(
        measure_bases(
            key=cohort.keys(zlib.crc32(name.encode())),
            responses=[of_batch[name] for of_batch in cohort.clean[1]],
            labels=labels,
            where=where,
            num_classes=cohort.num_classes,
            mesh=cohort.mesh,
        )
    )


@over_networks(each=("key", "responses"), static=("num_classes",))
def measure_bases(
    key: UInt32[Array, "..."],
    responses: Sequence[Float[Array, "samples units"]],
    labels: Int[Array, "batches samples"],
    where: Bool[Array, "batches samples"],
    *,
    num_classes: int,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Computes the selectivity of one layer under random rotations and in the best basis found.

    A program of several networks, see `over_networks`.

    Args:
      key: data of the PRNG key for the rotations and the starts of the search.
      responses: responses of the layer to each batch of clean images.
      labels: class of each image.
      where: the images that count.
      num_classes: number of classes.

    Returns:
      The mean over random rotations, and the mean of the best basis found.
    """
    of_rotations, of_search = jax.random.split(jax.random.wrap_key_data(key))
    layer, labels, where = jnp.concatenate(responses), labels.ravel(), where.ravel()
    rotated = rotated_selectivity(of_rotations, layer, labels, num_classes, where=where)
    best = best_basis(of_search, layer, labels, num_classes, where=where)
    return jnp.mean(rotated), best.selectivity
