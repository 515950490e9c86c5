"""Every function that takes a mask of samples takes booleans, or zeros and ones, and no weights."""

import inspect

import jax
import numpy as np
import pytest

import selectax

SAMPLES, UNITS = 6, 3
RESPONSES = np.random.default_rng(0).uniform(0.1, 2, (SAMPLES, UNITS)).astype(np.float32)
MASK = np.array([1, 1, 0, 1, 1, 1], bool)
# By name of the argument.
GIVEN = {
    "key": jax.random.key(0),
    "responses": RESPONSES,
    "responses_or_state": RESPONSES,
    "activations": {"layer": RESPONSES},
    "a": RESPONSES,
    "b": RESPONSES[:, ::-1],
    "norms": selectax.InputGradientNorms(RESPONSES, RESPONSES**2, np.ones_like(RESPONSES)),
    "images": RESPONSES,
    "labels": np.array([0, 1, 2, 1, 0, 2], np.int32),
    "num_classes": 3,
    "components": 2,
    "alpha": 1.0,
    "basis": np.eye(UNITS, dtype=np.float32),
    "logits_fn": lambda images, masks: images * masks["units"],
    "masks": {"units": selectax.single_unit_masks(UNITS)},
    "counts": selectax.init_correct_counts(UNITS),
    "statistics": selectax.init_class_statistics(3, UNITS),
    "strongest": selectax.init_strongest_responses(SAMPLES, UNITS),
}
# Several accumulators call their state by the same name.
STATES = {
    "update_class_moments": {"moments": selectax.init_class_moments(3, UNITS)},
    "update_norm_moments": {"moments": selectax.init_norm_moments(UNITS)},
    "update_covariance": {"state": selectax.init_covariance(UNITS)},
    "update_joint_covariance": {"state": selectax.init_joint_covariance(UNITS, UNITS)},
}


def takes_a_mask(function):
    return inspect.isfunction(function) and "where" in inspect.signature(function).parameters


FUNCTIONS = sorted(name for name in selectax.__all__ if takes_a_mask(getattr(selectax, name)))


def call(name, where):
    function = getattr(selectax, name)
    given = GIVEN | STATES.get(name, {})
    arguments = {
        parameter.name: given[parameter.name]
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty or parameter.name == "b"
    }
    return function(**arguments, where=where)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_weights_are_refused_and_not_taken_as_true(name):
    with pytest.raises(ValueError, match=r"where holds 0\.5"):
        call(name, np.full(SAMPLES, 0.5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_zeros_and_ones_are_a_mask(name):
    result = call(name, MASK)
    jax.tree.map(np.testing.assert_array_equal, call(name, MASK.astype(int)), result)
    everything = jax.tree.leaves(call(name, None))
    # The mask leaves a sample out: else nothing would be shown.
    assert any(
        not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(result), everything, strict=True)
    )
