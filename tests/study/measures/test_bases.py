"""Rows of selectivity in other bases against float64 in the same bases, or in none better."""

import zlib

import jax
import numpy as np
import pytest

from selectax.bases import random_rotation
from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import bases as measure
from tests.reference import bases, selectivity
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, bytes_and_labels, fitted_variables, subject


@pytest.mark.slow
def test_rows_are_means_over_rotations_and_over_the_best_basis():
    images, labels = bytes_and_labels(60)
    variables = fitted_variables(images, labels)
    rows = measure.rows(
        subject(variables, in_batches(images, labels, 8), EvaluationOptions(), TinyNetwork())
    )
    found = {(row["metric"], row.get("layer", "")): row["value"] for row in rows}
    metrics = "class_selectivity_rotated", "class_selectivity_best_basis"
    assert set(found) == {(metric, name) for metric in metrics for name in ("", "first", "second")}
    _, responses = reference.logits_and_responses(variables, images / 255)
    for name, layer in responses.items():
        key = jax.random.fold_in(jax.random.key(0), zlib.crc32(name.encode()))
        keys = jax.random.split(jax.random.split(key)[0], 10)
        rotated = [
            bases.selectivity_in_basis(
                layer, labels, 3, np.float64(random_rotation(each, layer.shape[1]))
            ).mean()
            for each in keys
        ]
        np.testing.assert_allclose(found[metrics[0], name], np.mean(rotated), rtol=1e-3)
        own = selectivity.layer_selectivity({name: layer}, labels, 3)[name].mean()
        assert found[metrics[1], name] > max(own, *rotated) + 0.05
        assert found[metrics[1], name] <= 1
    for metric in metrics:
        mean = np.mean([found[metric, name] for name in responses])
        np.testing.assert_allclose(found[metric, ""], mean, rtol=1e-6)
