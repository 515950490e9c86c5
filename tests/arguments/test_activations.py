import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import selectax
from tests.arguments.calls import ACTIVATIONS, LABELS, assert_refused, mean, update
from tests.reference import selectivity as reference


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


MEANS = np.array([[-0.5, 1.0], [0.2, 2.0]], np.float32)
STATISTICS = selectax.ClassStatistics(np.ones(2), MEANS, np.abs(MEANS))
BAD = {
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
    "sign that an index cannot have": (lambda: mean(signed="keep"), "signed must be 'error'"),
    "negative tuning": (
        lambda: selectax.treves_rolls_sparseness(STATISTICS),
        "means hold -0.5",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_the_argument_in_one_sentence(case):
    assert_refused(*BAD[case])
