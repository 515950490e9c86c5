"""Rows on clean images: dead and selective units with their warning, and intrinsic dimension."""

import types

import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import clean
from tests.reference import intrinsic_dimension as reference
from tests.reference import tiny_network
from tests.study.tiny import TinyNetwork, bytes_and_labels, fitted_variables, subject

IMAGES, LABELS = bytes_and_labels(21)


def of_network(dead):
    """A network whose first layer has these dead units, by their index in the second."""
    index = {"first": np.array([0.1, 0.8, 0.9, 0.0, 0.5]), "second": np.full(20, 0.8)}
    found = subject(None, None, EvaluationOptions(), TinyNetwork())
    found.__dict__["clean"] = types.SimpleNamespace(
        selectivity=index,
        selective={"first": np.float32(0.4), "second": np.float32(1)},
        dead={"first": np.array(dead, np.float32), "second": np.eye(20, dtype=np.float32)[0]},
    )
    return found


def values(rows):
    return {(row["metric"], row.get("layer", "")): float(row["value"]) for row in rows}


def test_shares_are_of_layers_and_their_mean_of_the_network():
    found = values(clean.selectivity(of_network([0, 0, 0, 1, 0])))
    assert found["dead_units", "first"] == pytest.approx(0.2)
    assert found["dead_units", "second"] == pytest.approx(0.05)
    assert found["dead_units", ""] == pytest.approx(0.125)
    assert found["share_selective", "first"] == pytest.approx(0.4)
    assert found["share_selective", ""] == pytest.approx(0.7)


def test_a_warning_names_the_layers_of_which_more_than_a_tenth_is_dead():
    dying, well = of_network([0, 1, 0, 1, 0]), of_network([0, 0, 0, 0, 0])
    clean.selectivity(dying)
    clean.selectivity(well)
    (sentence,) = dying.warnings
    assert "40% of first" in sentence
    assert "second" not in sentence
    assert well.warnings == []


@pytest.mark.slow
def test_dead_units_and_intrinsic_dimension_of_a_network():
    variables = fitted_variables(IMAGES, LABELS)
    params = variables["params"]
    bias = np.where(np.arange(5) == 2, -100, params["Conv_0"]["bias"]).astype(np.float32)
    params = params | {"Conv_0": params["Conv_0"] | {"bias": bias}}
    batches = in_batches(IMAGES, LABELS, 8)
    measured = subject({"params": params}, batches, EvaluationOptions(), TinyNetwork())
    found = values(clean.selectivity(measured))
    assert found["dead_units", "first"] == pytest.approx(1 / 5)
    _, responses = tiny_network.logits_and_responses({"params": params}, IMAGES / 255)
    assert found["dead_units", "second"] == np.mean(responses["second"].max(0) == 0)
    found = values(clean.intrinsic_dimension(measured))
    assert set(found) == {("intrinsic_dimension", name) for name in responses}
    for name, of_layer in responses.items():
        expected = reference.twonn_dimension(of_layer)
        np.testing.assert_allclose(found["intrinsic_dimension", name], expected, rtol=1e-2)


@pytest.mark.slow
def test_intrinsic_dimension_is_of_the_first_images_only(monkeypatch):
    monkeypatch.setattr(clean, "_MOST_IMAGES", 13)
    variables = fitted_variables(IMAGES, LABELS)
    batches = in_batches(IMAGES, LABELS, 8)
    found = values(clean.intrinsic_dimension(subject(variables, batches, None, TinyNetwork())))
    _, responses = tiny_network.logits_and_responses(variables, IMAGES[:13] / 255)
    for name, of_layer in responses.items():
        expected = reference.twonn_dimension(of_layer)
        np.testing.assert_allclose(found["intrinsic_dimension", name], expected, rtol=1e-2)
