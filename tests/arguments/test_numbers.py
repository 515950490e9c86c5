"""Counts are whole, large enough and known when compiling; numbers are single and real."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import (
    attack_believability,
    augment_and_mix,
    best_basis,
    class_selectivity_index,
    components_for_variance,
    corrupt,
    init_strongest_responses,
    mi_fgsm,
    robust_accuracy_over_steps,
    selectivity_penalty,
    share_selective,
    signed_selectivity_index,
    twonn_dimension,
    update_strongest_responses,
)
from selectax.arguments.numbers import check_real, checked_count


@pytest.mark.parametrize("count", [3, np.int64(3), np.array(3), jnp.array(3)])
def test_whole_numbers_are_taken_as_ints(count):
    found = checked_count("units", count)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize("count", [3.0, "3", None, [3], True, np.bool_(1), jnp.array(True)])
def test_other_values_are_refused(count):
    with pytest.raises(TypeError, match=r"^units must be an integer, not "):
        checked_count("units", count)


def test_too_small_counts_are_refused():
    assert checked_count("starts", 0, least=0) == 0
    with pytest.raises(ValueError, match=r"^starts must be at least 0, not -1\.$"):
        checked_count("starts", -1, least=0)
    with pytest.raises(ValueError, match=r"^units must be at least 1, not 0\.$"):
        checked_count("units", 0)


def test_traced_counts_are_refused():
    with pytest.raises(TypeError, match="units must not be traced"):
        jax.jit(lambda units: checked_count("units", units))(3)


class Share(float):
    """A number of a type of one's own."""


@pytest.mark.parametrize(
    "value",
    [
        3,
        0.5,
        float("nan"),
        np.float64(2),
        np.array(1),
        jnp.array(0.1),
        jnp.bfloat16(0.5),
        Share(0.5),
    ],
)
def test_single_real_numbers_are_taken(value):
    check_real("eps", value)


def test_traced_numbers_are_taken_if_they_are_single():
    jax.jit(lambda value: check_real("eps", value))(0.5)
    jax.vmap(lambda value: check_real("eps", value))(jnp.ones(3))
    with pytest.raises(TypeError, match="eps must be a single number"):
        jax.jit(lambda value: check_real("eps", value))(jnp.ones(3))


KEY, RESPONSES, LABELS = jax.random.key(0), np.eye(4, dtype=np.float32) + 0.1, np.arange(4)
IMAGES = np.full((4, 2, 2, 3), 0.5, np.float32)
ATTACKED = (lambda images: images[:, 0, 0], IMAGES, LABELS % 3)
BALL = {"epsilon": 0.1, "steps": 1}


def update_strongest(above):
    strongest = init_strongest_responses(2, 4)
    return update_strongest_responses(strongest, RESPONSES, LABELS, above=above)


@pytest.mark.parametrize("value", ["a", None, [0.1, 0.2], np.ones(1), True, np.bool_(1), 1j, "3"])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("eps", lambda value: class_selectivity_index(RESPONSES, eps=value)),
        ("eps", lambda value: signed_selectivity_index(RESPONSES, eps=value)),
        ("threshold", lambda value: share_selective(LABELS / 4, threshold=value)),
        ("discarded", lambda value: twonn_dimension(RESPONSES, discarded=value)),
        ("above", update_strongest),
        ("step_size", lambda value: best_basis(KEY, RESPONSES, LABELS, 4, step_size=value)),
        ("strength", lambda value: augment_and_mix(KEY, IMAGES, strength=value)),
        ("total", lambda value: components_for_variance(LABELS, total=value or "")),
        ("tolerance", lambda value: attack_believability(KEY, *ATTACKED, **BALL, tolerance=value)),
        ("decay", lambda value: mi_fgsm(*ATTACKED, **BALL, decay=value)),
        ("alpha", lambda value: selectivity_penalty(RESPONSES, LABELS, 4, alpha=value)),
        ("alpha", lambda value: augment_and_mix(KEY, IMAGES, alpha=value)),
    ],
)
def test_what_is_no_single_number_is_named(name, call, value):
    with pytest.raises(TypeError, match=rf"^{name} must be a single number, not "):
        call(value)


def test_a_wrong_decay_is_told_without_a_unit():
    with pytest.raises(ValueError, match=r"^decay must be .*, not -1\.0; 0 is no momentum, 1 "):
        mi_fgsm(*ATTACKED, **BALL, decay=-1.0)


@pytest.mark.parametrize("value", ["fog", None, [0.1], ["a"], np.ones(1, int), True, 2.0, 1j, {}])
def test_a_severity_that_is_no_integer_is_named(value):
    with pytest.raises(TypeError, match=r"^severity must be a single integer from 1 to 5, not "):
        corrupt(KEY, IMAGES, "contrast", value)


def test_numbers_out_of_range_are_refused():
    for tolerance in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"^tolerance must lie between 0 and 1, not "):
            attack_believability(KEY, *ATTACKED, **BALL, tolerance=tolerance)
    with pytest.raises(ValueError, match=r"^total must not be negative, not -1\.$"):
        components_for_variance(LABELS, total=-1)
    for thresholds in (0.9, [[0.9]]):
        with pytest.raises(ValueError, match=r"^thresholds must have shape \(thresholds,\), not "):
            components_for_variance(LABELS, thresholds)


def test_a_curve_over_steps_needs_an_epsilon():
    with pytest.raises(TypeError, match=r"^epsilon must be an array of numbers, not None\.$"):
        robust_accuracy_over_steps(KEY, *ATTACKED, epsilon=None, steps=[1])
