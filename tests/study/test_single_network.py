"""Networks that are plain functions, measured as Flax modules are."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.measure import Measure
from selectax.study.measures.registry import MEASURES, METRICS
from selectax.study.run import results
from selectax.study.single_network import measure
from tests.reference import selectivity as reference
from tests.study.tiny import (
    TinyNetwork,
    bytes_and_labels,
    evaluation_images,
    fitted_variables,
    measured,
)

IMAGES, LABELS = bytes_and_labels(21)
EVERYTHING = EvaluationOptions(
    measures=tuple(MEASURES),
    corruptions=("contrast",),
    severities=(1, 3),
    attack_images=13,
    epsilons=(4.0,),
    pgd_steps=(2,),
    evaluation_batch_size=8,
)
CLEAN = EvaluationOptions(measures=("selectivity",), evaluation_batch_size=8)


def dense(weights, images):
    """A network in plain JAX."""
    hidden = jax.nn.relu(images.reshape(len(images), -1) @ weights["hidden"])
    return hidden @ weights["logits"], {"hidden": hidden}


@pytest.fixture
def weights():
    generator = np.random.default_rng(1)
    return {
        "hidden": generator.normal(size=(192, 7)).astype(np.float32),
        "logits": generator.normal(size=(7, 3)).astype(np.float32),
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("widths", [(5, 5), (5, 3)])
def test_names_of_layers_may_be_in_any_order(widths):
    """JAX sorts dicts by key; the layers' rows must be those of networks with sorted names."""
    generator = np.random.default_rng(1)
    sizes = (192, *widths, 3)
    weights = [generator.normal(size=size).astype(np.float32) for size in itertools.pairwise(sizes)]

    def named(*names):
        def apply_fn(weights, images):
            first = jax.nn.relu(images.reshape(len(images), -1) @ weights[0])
            second = jax.nn.relu(first @ weights[1] + 1)
            return second @ weights[2], dict(zip(names, (first, second), strict=True))

        # Random numbers of input gradients and of bases depend on the names.
        without = {"ablation", "input_gradients", "bases"}
        options = dataclasses.replace(
            EVERYTHING, measures=tuple(name for name in MEASURES if name not in without)
        )
        table = measure(apply_fn, weights, IMAGES, LABELS, 3, options=options)
        table["layer"] = table["layer"].replace(dict(zip(names, ("a", "b"), strict=True)))
        key = [column for column in results.COLUMNS if column != "value"]
        return table.sort_values(key, ignore_index=True)

    pd.testing.assert_frame_equal(named("stem", "block"), named("a", "b"), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_function_gives_the_table_of_the_module_that_it_calls():
    variables = fitted_variables(IMAGES, LABELS)

    def apply_fn(variables, images, masks=None):
        return TinyNetwork().apply(variables, images, masks=masks)

    table = measure(apply_fn, variables, IMAGES, LABELS, 3, options=EVERYTHING, seed=4)
    attacked = in_batches(IMAGES[:13], LABELS[:13], 8)
    images = evaluation_images(in_batches(IMAGES, LABELS, 8), attacked)
    of_flax = measured(4, variables, images, EVERYTHING, TinyNetwork())
    whose = {"dataset": "", "model": "", "alpha": np.nan, "seed": 4, "epoch": 0}
    expected = results.table([{**whose, **row} for row in of_flax.rows])
    pd.testing.assert_frame_equal(table, expected)
    assert set(table["metric"]) == set(METRICS) - {*("train_loss", "train_accuracy", "diverged")}


def test_plain_jax_against_numpy(weights):
    table = measure(dense, weights, IMAGES, LABELS, 3, options=CLEAN, dataset="mine", model="dense")
    hidden = np.maximum(IMAGES.reshape(21, -1) / 255 @ weights["hidden"].astype(float), 0)
    index = reference.layer_selectivity({"hidden": hidden}, LABELS, 3)["hidden"]
    accuracy = np.mean((hidden @ weights["logits"]).argmax(1) == LABELS)
    found = {(row.metric, row.layer): row.value for row in table.itertuples()}
    assert found.keys() == {
        *(("accuracy", ""), ("class_selectivity", ""), ("class_selectivity", "hidden")),
        *((f"class_selectivity_decile_{decile}", "hidden") for decile in range(11)),
        *itertools.product(("share_selective", "dead_units"), ("", "hidden")),
    }
    assert found["share_selective", "hidden"] == np.mean(index > 0.75, dtype=np.float32)
    assert found["dead_units", "hidden"] == np.mean(np.all(hidden == 0, axis=0), dtype=np.float32)
    np.testing.assert_allclose(found["accuracy", ""], accuracy)
    np.testing.assert_allclose(found["class_selectivity", "hidden"], np.mean(index), rtol=1e-4)
    assert set(table["dataset"]) == {"mine"}
    assert set(table["model"]) == {"dense"}


def test_measures_of_ones_own_are_taken_with_those_of_the_table(weights):
    def count(subject):
        yield {"metric": "units", "layer": "hidden", "value": len(subject.selectivity["hidden"])}

    mine = Measure("units", "number of units", {"units": "count"}, count)
    chosen = [MEASURES["selectivity"], mine]
    table = measure(dense, weights, IMAGES, LABELS, 3, measures=chosen, options=CLEAN)
    assert table.loc[table["metric"] == "units", "value"].tolist() == [7]
    assert "class_selectivity" in set(table["metric"])
    wrong = dataclasses.replace(mine, metrics={"unit": "count"})
    with pytest.raises(ValueError, match="measure 'units' returned a row of metric 'units'"):
        measure(dense, weights, IMAGES, LABELS, 3, measures=[wrong], options=CLEAN)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_products_are_not_rounded_where_an_accelerator_would(weights):
    # To the 8 bits of a TPU's usual products, images differ by more than the smallest epsilons.
    precisions = set()

    def apply_fn(weights, images, masks=None):
        if len(images) > 2:  # whose shapes alone are looked at
            precisions.add(jax.config.jax_default_matmul_precision)
        hidden = jax.nn.relu(images.reshape(len(images), -1) @ weights["hidden"])
        if masks is not None:
            hidden *= masks["hidden"]
        return hidden @ weights["logits"], {"hidden": hidden}

    before = jax.config.jax_default_matmul_precision
    options = dataclasses.replace(EVERYTHING, measures=("attacks", "input_gradients", "ablation"))
    measure(apply_fn, weights, IMAGES, LABELS, 3, options=options)
    assert precisions == {"float32"}
    assert jax.config.jax_default_matmul_precision == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # one for each other sign
def test_masked_gradients_are_warned_of(weights):
    def masked(weights, images):
        logits, activations = dense(weights, images)
        return jnp.round(logits), activations

    options = EvaluationOptions(measures=("attacks",), epsilons=(4.0,), pgd_steps=(2,))
    with pytest.warns(UserWarning, match="The gradient is zero at 100.0% of the images"):
        table = measure(masked, weights, IMAGES, LABELS, 3, options=options)
    assert table.loc[table["metric"] == "masked_gradients", "value"].item() >= 2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_network_whose_logits_are_not_finite_has_diverged(weights, bad):
    weights["logits"][3, 1] = bad
    options = EvaluationOptions(measures=("selectivity", "attacks"), evaluation_batch_size=8)
    with pytest.warns(UserWarning, match="its logits are not finite on [0-9]+ of 21 test images"):
        table = measure(dense, weights, IMAGES, LABELS, 3, options=options)
    assert table["metric"].tolist() == ["diverged"]
    assert results.summarize(table)["diverged"].tolist() == [1]
    assert results.measures_in(table, np.nan, 0) == {"diverged"}


def test_negative_responses_are_refused(weights):
    def signed(weights, images):
        hidden = images.reshape(len(images), -1) @ weights["hidden"]
        return hidden @ weights["logits"], {"first": jnp.abs(hidden), "hidden": jnp.tanh(hidden)}

    says = r"^activations\['hidden'\] hold negative responses, down to -1, .* signed='split'"
    with pytest.raises(ValueError, match=says):
        measure(signed, weights, IMAGES, LABELS, 3, options=CLEAN)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"severities": (9,)}, "severities 9: give whole numbers from 1 to 5"),
        ({"severities": (1.5,)}, "severities 1.5: give whole numbers from 1 to 5"),
        ({"epsilons": (-8.0,)}, "epsilons -8.0: give a finite number of at least 0"),
        ({"epsilons": (np.nan,)}, "epsilons nan: give a finite number of at least 0"),
        ({"pgd_steps": (10, 0)}, "pgd_steps 0: give a whole number of at least 1"),
        ({"pgd_steps": ()}, "pgd_steps is empty: give at least one value"),
        ({"pgd_restarts": 0}, "pgd_restarts 0: give a whole number of at least 1"),
        ({"evaluation_images": -3}, "evaluation_images -3: give a whole number of at least 1"),
        ({"attack_images": 2.5}, "attack_images 2.5: give a whole number of at least 1"),
        ({"evaluation_batch_size": 0}, "evaluation_batch_size 0: give a whole number"),
        ({"input_gradient_directions": 0}, "input_gradient_directions 0: give a whole number"),
        ({"ablation_points": -1}, "ablation_points -1: give a whole number of at least 1"),
        ({"measures": ("selectivty",)}, "measures selectivty: unknown; did you mean selectivity?"),
        ({"measures": "attacks"}, "measures 'attacks': give a tuple of values"),
        ({"measures": ("attacks", "attacks")}, "measures attacks attacks: give each value once"),
        ({"corruptions": ("blur",)}, "corruptions blur: unknown; did you mean zoom_blur?"),
        ({"norm": "l3"}, "norm l3: unknown; did you mean l2?"),
        ({"corrupted_images": "official"}, "corrupted_images official: .* take own"),
    ],
)
def test_options_that_the_command_line_refuses_are_refused(weights, options, says):
    with pytest.raises(ValueError, match=rf"^options\.{says}"):
        measure(dense, weights, IMAGES, LABELS, 3, options=EvaluationOptions(**options))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"images": IMAGES / 255}, "images must be uint8 .* not float64"),
        ({"images": IMAGES[0]}, "images must be uint8 .* of shape \\(8, 8, 3\\)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "at least one image"),
        ({"labels": LABELS[:4]}, "labels must be integers of shape \\(21,\\)"),
        ({"labels": LABELS * 1.0}, "labels must be integers .* not float64"),
        ({"labels": LABELS + 1}, "labels hold 3, but num_classes=3 allows 0 to 2"),
        ({"labels": LABELS - 1}, "labels hold -1, but num_classes=3 allows 0 to 2"),
        ({"num_classes": 4}, "logits of shape \\(2, 3\\) for 2 images, not \\(2, 4\\)"),
        ({"apply_fn": lambda *args: dense(*args)[0]}, "must return \\(logits, activations\\)"),
        ({"apply_fn": lambda *args: (dense(*args)[0], {})}, "gives no activations"),
        (
            {"apply_fn": lambda *args: (dense(*args)[0], {"last": jnp.zeros(2)})},
            "activations\\['last'\\] of shape \\(2,\\) for 2 images",
        ),
        ({"options": EVERYTHING}, "options.measures has ablation, but apply_fn takes no"),
    ],
)
def test_what_cannot_be_measured_is_refused(weights, changes, says):
    arguments = {"apply_fn": dense, "images": IMAGES, "labels": LABELS, "num_classes": 3}
    with pytest.raises(ValueError, match=says):
        measure(variables=weights, **{**arguments, "options": CLEAN, **changes})
