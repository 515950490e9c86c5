"""One front door per kind of argument: what is accepted, and the sentence about what is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import selectax
from tests.reference import selectivity as reference

ACTIVATIONS = np.array([[1.0, 2.0], [0.0, 2.0], [3.0, 1.0], [0.5, 0.0]], np.float32)
LABELS = np.array([0, 1, 2, 1], np.int32)


def mean(activations=ACTIVATIONS, labels=LABELS, num_classes=3, **options):
    return selectax.mean_selectivity(activations, labels, num_classes, **options)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([ACTIVATIONS, ACTIVATIONS[:, :1]], ["layer_0", "layer_1"]),
        ((ACTIVATIONS,), ["layer_0"]),
        (ACTIVATIONS, None),
        (ACTIVATIONS.tolist(), None),
        ({"a": ACTIVATIONS.tolist(), "b": ACTIVATIONS}, ["a", "b"]),
        ([ACTIVATIONS] * 11, [f"layer_{number:02}" for number in range(11)]),
        (nnx.State({"a": nnx.Intermediate(jnp.asarray(ACTIVATIONS))}), ["a"]),
    ],
)
def test_activations_come_in_any_container(given, names):
    index = selectax.layer_selectivity(given, LABELS.tolist(), 3, where=[1, 1, 1, 1])
    expected = reference.class_selectivity_index(*reference.class_means(ACTIVATIONS, LABELS, 3))
    if names is not None:
        assert list(index) == names
        index = index[names[0]]
    np.testing.assert_allclose(index, expected, atol=1e-6)


def test_gradients_come_in_the_container_of_the_activations():
    several = (jnp.asarray(ACTIVATIONS), ACTIVATIONS[:, :1])
    _, gradient = selectax.mean_selectivity_and_grad(several, LABELS, 3)
    assert [layer.shape for layer in gradient] == [(4, 2), (4, 1)]
    assert isinstance(gradient, tuple)


def test_minus_one_is_ignored():
    labels = np.array([0, 1, 2, -1])
    expected = reference.mean_selectivity({"a": ACTIVATIONS[:3]}, labels[:3], 3)
    np.testing.assert_allclose(mean(labels=labels), expected, rtol=1e-5)


@pytest.mark.parametrize("signed", ["absolute", "split"])
def test_negative_responses_as_their_magnitudes_or_parts(signed):
    values = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    labels = np.array([0, 1, 2, 0, 1, 2])
    responses = values.mean(axis=1)
    parts = [np.abs(responses)]
    if signed == "split":
        parts = [np.maximum(responses, 0), np.maximum(-responses, 0)]
    parts = np.concatenate(parts, axis=1)
    expected = reference.class_selectivity_index(*reference.class_means(parts, labels, 3))
    found = selectax.layer_selectivity(values, labels, 3, signed=signed)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    moments = selectax.init_class_moments(3, len(expected))
    moments = selectax.update_class_moments(moments, responses, labels, signed=signed)
    found = selectax.class_selectivity_index(*selectax.class_means(moments))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    value, gradient = selectax.mean_selectivity_and_grad(values, labels, 3, signed=signed)
    np.testing.assert_allclose(value, expected.mean(), rtol=1e-4)
    assert gradient.shape == values.shape
    np.testing.assert_allclose(
        selectax.unit_responses(values, signed=signed), parts, rtol=1e-5, atol=1e-6
    )


def test_masked_responses_may_be_negative_and_traced_ones_are_not_looked_at():
    values = ACTIVATIONS.copy()
    values[3] = -1
    mean(values, where=np.array([True, True, True, False]))
    mean(values, labels=np.array([0, 1, 2, -1]))
    jax.jit(mean)(values)
    jax.vmap(mean)(values[None])
    with pytest.raises(ValueError, match=r"hold -1\.0.*signed='absolute'"):
        mean(values)


def test_a_name_in_layers_is_one_of_a_list_too():
    found = mean([ACTIVATIONS, 0 * ACTIVATIONS], layers=["layer_0"])
    np.testing.assert_allclose(found, mean(), rtol=1e-6)


def update(**change):
    good = {"responses": ACTIVATIONS, "labels": LABELS, **change}
    return selectax.update_class_moments(selectax.init_class_moments(3, 2), **good)


MEANS = np.array([[-0.5, 1.0], [0.2, 2.0]], np.float32)
TUNED = selectax.tuning.ClassStatistics
BAD = {
    "one-off labels": (lambda: mean(labels=LABELS + 1), "hold 3, but classes are 0 to 2"),
    "far labels": (lambda: update(labels=LABELS + 100), "hold 100"),
    "ignore_index of PyTorch": (lambda: mean(labels=LABELS - 100), "-1 marks a sample to ignore"),
    "one-hot labels": (lambda: mean(labels=np.eye(4, dtype=int)), "labels"),
    "labels that are None": (lambda: mean(labels=None), "labels must be an array"),
    "weights": (lambda: mean(where=[0.5, 1, 1, 1]), "where holds 0.5"),
    "a short mask": (lambda: mean(where=[True]), "where must have shape"),
    "no classes": (lambda: mean(num_classes=0), "num_classes must be at least 1"),
    "classes that are a float": (lambda: mean(num_classes=3.0), "num_classes must be an integer"),
    "no layers": (lambda: mean({}), "at least one layer"),
    "an empty list": (lambda: mean([]), "at least one layer"),
    "None": (lambda: mean(None), "activations must be an array of numbers, not None"),
    "an entry None": (lambda: mean({"a": None}), r"activations\['a'\] must be an array"),
    "an entry of a list": (lambda: mean([ACTIVATIONS, None]), r"activations\[1\] must be an array"),
    "a nested dict": (lambda: mean({"a": {"b": ACTIVATIONS}}), r"\['a'\].*from_intermediates"),
    "a captured tuple": (lambda: mean({"a": (ACTIVATIONS,)}), r"\['a'\].*from_intermediates"),
    "integers": (lambda: mean({"a": np.ones((4, 2), int)}), r"activations\['a'\] must be float"),
    "no units": (lambda: mean(np.zeros((4, 0), np.float32)), "no units"),
    "negative activations": (lambda: mean(ACTIVATIONS - 1), "responses hold -"),
    "negative responses": (lambda: update(responses=ACTIVATIONS - 1), "responses hold -"),
    "negative means": (lambda: selectax.class_selectivity_index(MEANS), "means hold -0.5"),
    "unknown sign": (lambda: mean(signed="both"), "signed must be 'error'"),
    "eps": (lambda: selectax.class_selectivity_index(MEANS + 1, eps=np.nan), "eps must be finite"),
    "negative tuning": (
        lambda: selectax.treves_rolls_sparseness(TUNED(np.ones(2), MEANS, np.abs(MEANS))),
        "means hold -0.5",
    ),
    "negative variances": (lambda: selectax.participation_ratio([2.0, -1.0]), "variances hold -1"),
    "no variances": (lambda: selectax.components_for_variance([]), "variances are empty"),
    "shares above 1": (lambda: selectax.components_for_variance([1.0], [90]), "thresholds.*90"),
    "an integer for a key": (
        lambda: selectax.leading_variances(0, ACTIVATIONS, 1),
        r"give jax\.random\.key\(0\)",
    ),
    "no samples": (
        lambda: selectax.leading_variances(jax.random.key(0), ACTIVATIONS[:0], 1),
        "no sample",
    ),
    "labels past the classes": (
        lambda: selectax.precision_at_k(
            selectax.update_strongest_responses(
                selectax.init_strongest_responses(2, 2), ACTIVATIONS, LABELS
            ),
            2,
        ),
        "labels hold 2",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_accepted_is_named_in_one_sentence(case):
    call, message = BAD[case]
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_variances_may_be_integers_in_any_order_or_slightly_below_zero():
    expected = selectax.components_for_variance(jnp.array([6.0, 3, 1]), (0.5, 0.8))
    for given in ([6, 3, 1], np.array([1, 3, 6]), [6.0, 3.0, 1.0, -1e-8]):
        np.testing.assert_array_equal(selectax.components_for_variance(given, (0.5, 0.8)), expected)
    np.testing.assert_allclose(selectax.participation_ratio([2, 2, 0]), 2)


@pytest.mark.parametrize("units", [20, 64])
def test_rounding_is_no_component(units):
    generator = np.random.default_rng(0)
    matrix = (generator.normal(size=(200, 3)) @ generator.normal(size=(3, units)) + 5) * 7
    variances = selectax.principal_variances(matrix.astype(np.float32))
    np.testing.assert_array_equal(selectax.components_for_variance(variances, (1.0,)), [3])


def test_precision_of_many_classes_takes_no_more_memory_than_its_input():
    k, units, classes = 30, 40, 5000
    labels = np.random.default_rng(0).integers(0, 12, (k, units)).astype(np.int32)
    kept = selectax.StrongestResponses(jnp.ones((k, units)), jnp.asarray(labels))
    measure = jax.jit(lambda kept: selectax.precision_at_k(kept, classes))
    expected = [np.bincount(unit).max() / k for unit in labels.T]
    np.testing.assert_allclose(measure(kept), expected, rtol=1e-6)
    taken = measure.lower(kept).compile().memory_analysis().temp_size_in_bytes
    assert taken < 20 * labels.nbytes
