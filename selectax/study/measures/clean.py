"""Measures on clean images: accuracy, selectivity, dead units, dimensionality."""

import functools
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from selectax.intrinsic_dimension import twonn_dimension
from selectax.study.measures.cohort import Cohort
from selectax.study.measures.computation.over_networks import over_networks
from selectax.study.measures.measure import Row
from selectax.study.measures.rows import dimensionality_rows, layer_means
from selectax.study.measures.subject import Subject, count
from selectax.study.runtime.waiting import fetch

_DECILES = np.arange(11) / 10
# Bounds the memory for the responses of all layers to these images, and the time, which grows with
# the square of their number.
_MOST_IMAGES = 10_000
# Largest fraction of dead units of a layer without a warning.
_FEW_DEAD = 0.1


def accuracy(subject: Subject) -> list[Row]:
    """Returns the accuracy on the test images."""
    correct = subject.clean.correct.sum() / count(subject.images.test)
    return [{"metric": "accuracy", "value": correct}]


def selectivity(subject: Subject) -> list[Row]:
    """Returns the class selectivity of the network and each layer, and the share of dead units."""
    of_units = subject.selectivity
    subject.units["class_selectivity"] = of_units
    rows = layer_means("class_selectivity", {name: of_units[name].mean() for name in of_units})
    rows += [
        {"metric": f"class_selectivity_decile_{decile}", "layer": name, "value": value}
        for name in of_units
        for decile, value in enumerate(np.quantile(of_units[name], _DECILES))
    ]
    dead = {name: float(units.mean()) for name, units in subject.clean.dead.items()}
    _warn_of_dead_units(subject, dead)
    rows += layer_means("share_selective", subject.clean.selective)
    return rows + layer_means("dead_units", dead)


def _warn_of_dead_units(subject: Subject, dead: Mapping[str, float]) -> None:
    """Adds a warning if more than a tenth of a layer's units are dead."""
    many = {name: share for name, share in dead.items() if share > _FEW_DEAD}
    if many:
        layers = ", ".join(f"{share:.0%} of {name}" for name, share in many.items())
        subject.warnings.append(
            f"many units are dead, with a response of 0 to every test image ({layers}); they have "
            "an index of 0 and cannot recover; a weaker alpha, a lower learning rate or a larger "
            "batch may keep them alive."
        )


def dimensionality(subject: Subject) -> list[Row]:
    """Returns the dimensionality of each layer's responses to the test images."""
    return dimensionality_rows(subject.clean.dimensionality, subject.layers, {})


def intrinsic_dimension(subject: Subject) -> list[Row]:
    """Returns the intrinsic dimension of each layer, on at most the first 10,000 test images."""
    test = subject.images.test
    number = -(-_MOST_IMAGES // test.labels.shape[1])
    where = np.asarray(test.where)[:number].ravel()
    where = where & (np.arange(where.size) < _MOST_IMAGES)
    found = []
    for name in subject.layers:
        compute = functools.partial(_twonn, name, number, where)
        value = subject.cohort.part(subject, ("intrinsic dimension", name), compute)
        found.append({"metric": "intrinsic_dimension", "layer": name, "value": value})
    return found


def _twonn(name: str, number: int, where: Bool[np.ndarray, "samples"], cohort: Cohort) -> Any:
    responses = [of_batch[name] for of_batch in cohort.clean[1][:number]]
    return fetch(_dimension(responses=responses, where=where, mesh=cohort.mesh))


@over_networks(each=("responses",))
def _dimension(responses, where):
    return twonn_dimension(jnp.concatenate(responses), where=where)
