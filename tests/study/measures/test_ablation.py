"""Ablation of a network against float64."""

import types

import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import ablation
from tests.reference import ablation as reference_ablation
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, bytes_and_labels, fitted_variables, subject

IMAGES, LABELS = bytes_and_labels(21)
UNIT_IMAGES = IMAGES / 255
VARIABLES = fitted_variables(IMAGES, LABELS)
FILLED_UP = in_batches(IMAGES, LABELS, 8)
UNITS = {"first": 5, "second": 4}
SELECTIVITY = {
    "first": np.array([0.1, 0.9, 0.3, 0.0, 0.5], np.float32),
    "second": np.array([0.4, 0.2, 0.8, 0.7], np.float32),
}


@pytest.fixture(scope="module")
def curves():
    found_there = subject(VARIABLES, FILLED_UP, EvaluationOptions(ablation_points=2), TinyNetwork())
    # Chosen here, so that each order is another.
    found_there.__dict__["clean"] = types.SimpleNamespace(selectivity=SELECTIVITY)
    rows = ablation.rows(found_there)
    assert {row["metric"] for row in rows} == {"accuracy"}
    found = {}
    for row in rows:
        order, layer = row["perturbation"].removeprefix("ablation:"), row["layer"]
        found.setdefault((order, layer), {})[row["steps"]] = float(row["value"])
    return found


def right(masks):
    whole = {layer: np.ones(units) for layer, units in UNITS.items()}
    return np.mean(reference.predictions(VARIABLES, UNIT_IMAGES, whole | masks) == LABELS)


def test_curves_are_of_each_order_and_layer(curves):
    orders = ("most_selective_first", "least_selective_first", "random")
    assert set(curves) == {(order, layer) for order in orders for layer in ("", *UNITS)}
    for (_, layer), curve in curves.items():
        units = UNITS.get(layer, 9)
        assert sorted(curve) == [0, -(-units // 2), units]
        assert curve[0] == pytest.approx(right({}))


@pytest.mark.parametrize("layer", UNITS)
@pytest.mark.parametrize(
    ("order", "descending"), [("most_selective_first", True), ("least_selective_first", False)]
)
def test_units_of_a_layer_go_off_by_their_selectivity(layer, order, descending, curves):
    ranked = reference_ablation.order(SELECTIVITY[layer], descending)
    for number, accuracy in curves[order, layer].items():
        mask = np.ones(UNITS[layer])
        mask[ranked[:number]] = 0
        assert accuracy == pytest.approx(right({layer: mask}))


def test_units_of_the_whole_network_go_off_by_their_selectivity(curves):
    together = np.concatenate([SELECTIVITY["first"], SELECTIVITY["second"]])
    ranked = reference_ablation.order(together, True)
    for number, accuracy in curves["most_selective_first", ""].items():
        mask = np.ones(9)
        mask[ranked[:number]] = 0
        assert accuracy == pytest.approx(right({"first": mask[:5], "second": mask[5:]}))
    assert len(set(curves["most_selective_first", ""].values())) > 1
