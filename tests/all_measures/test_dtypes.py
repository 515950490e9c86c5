"""Measures keep their dtypes and values whatever the process's default: run with JAX_ENABLE_X64=1.

CI runs this file, and the tests of the measures, in such a process too.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import selectax
from selectax.attacks import fgsm
from selectax.corruptions import corrupt

LABELS = [0, 1, 2, 1, 0, 2]
WHERE = [True, True, True, True, True, False]


def activations(dtype):
    """Whole numbers over 8, which every type here holds exactly."""
    values = np.random.default_rng(0).integers(1, 64, (6, 2, 2, 3)) / 8
    return jnp.asarray(values, jnp.float32).astype(dtype)


def measured(dtype):
    layer = activations(dtype)
    responses = selectax.unit_responses(layer)
    moments, covariance, tuned, kept = updated(responses)
    variances = selectax.principal_variances(covariance)
    leading, total = selectax.leading_variances(jax.random.key(0), responses, 2)
    mean, gradient = selectax.mean_selectivity_and_grad(layer, LABELS, 3, where=WHERE)
    return {
        "responses": responses,
        "states": (moments, covariance, tuned, kept),
        "index": selectax.layer_selectivity(layer, LABELS, 3),
        "mean": mean,
        "penalty": selectax.selectivity_penalty(layer, LABELS, 3, alpha=np.float64(-0.5)),
        "covariance": selectax.sample_covariance(covariance),
        "variances": variances,
        "few samples": selectax.principal_variances(responses[:2]),
        "leading": (leading, total),
        "ratio": selectax.participation_ratio(variances),
        "rank": selectax.effective_rank(variances),
        "intrinsic": selectax.twonn_dimension(responses),
        "share": selectax.share_selective(selectax.layer_selectivity(layer, LABELS, 3)),
        "dead": selectax.dead_units(moments),
        "components": selectax.components_for_variance(variances),
        "preferred": selectax.preferred_class(tuned),
        "ccmas": selectax.class_conditional_mean_activity_selectivity(tuned),
        "d prime": selectax.d_prime(tuned),
        "sparseness": selectax.treves_rolls_sparseness(tuned),
        "another": selectax.vinje_gallant_sparseness(tuned),
        "precision": selectax.precision_at_k(kept, 3),
        "rotated": selectax.rotated_selectivity(jax.random.key(0), responses, LABELS, 3),
        "basis": selectax.best_basis(jax.random.key(0), responses, LABELS, 3, starts=1, steps=3),
        "alignment": selectax.linear_cka(responses, responses[:, :2]),
        "canonical": selectax.pwcca(responses[:, :1], responses[:, 1:]),
        "merged": selectax.merge_strongest_responses(kept, kept).response,
        "ablated": selectax.ablated_accuracy(
            lambda images, masks: images * masks["units"],
            {"units": selectax.single_unit_masks(3)},
            responses,
            LABELS,
            where=WHERE,
        ),
    }, gradient


def updated(responses):
    """By a scan, whose carry must keep its types."""

    def add(states, batch):
        moments, covariance, tuned, kept = states
        values, labels = batch
        return (
            selectax.update_class_moments(moments, values, labels),
            selectax.update_covariance(covariance, values),
            selectax.update_class_statistics(tuned, values, labels),
            selectax.update_strongest_responses(kept, values, labels),
        ), None

    empty = (
        selectax.init_class_moments(3, 3),
        selectax.init_covariance(3),
        selectax.init_class_statistics(3, 3),
        selectax.init_strongest_responses(2, 3),
    )
    batches = (responses.reshape(2, 3, 3), jnp.asarray(LABELS).reshape(2, 3))
    return jax.lax.scan(add, empty, batches)[0]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_measures_are_float32_and_equal_whatever_the_inputs_type(dtype):
    found, gradient = measured(dtype)
    assert gradient.dtype == jnp.dtype(dtype)
    integers = {"components", "preferred"}
    for name, value in found.items():
        for leaf in jax.tree.leaves(value):
            labels = leaf.dtype == jnp.int32 and name in integers | {"states"}
            assert labels or leaf.dtype == jnp.float32, name
    expected, _ = measured("float32")
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_measures_of_doubles_are_doubles_where_the_process_allows_them():
    wide = jnp.asarray(np.float64(activations("float32"))).dtype  # float32 unless x64 is enabled
    layer = np.asarray(activations("float32"), np.float64)
    assert selectax.layer_selectivity(layer, LABELS, 3).dtype == wide
    responses = selectax.unit_responses(layer)
    assert selectax.principal_variances(responses).dtype == wide
    assert selectax.twonn_dimension(responses).dtype == wide
    states = updated(responses)
    assert {leaf.dtype for leaf in jax.tree.leaves(states)} == {
        jnp.dtype("float32"),
        jnp.dtype("int32"),
    }
    state = selectax.init_covariance(3, dtype=wide)
    assert selectax.update_covariance(state, responses).scatter.dtype == wide
    assert selectax.init_strongest_responses(2, 3, dtype=wide).response.dtype == wide
    assert selectax.init_class_moments(3, 2, dtype=wide).total.dtype == wide
    assert selectax.init_class_statistics(3, 2, dtype=wide).mean.dtype == wide


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, int, bool])
@pytest.mark.parametrize(
    "init",
    [
        functools.partial(selectax.init_class_moments, 3, 2),
        functools.partial(selectax.init_class_statistics, 3, 2),
        functools.partial(selectax.init_covariance, 3),
        functools.partial(selectax.init_joint_covariance, 3, 2),
    ],
)
def test_sums_in_a_type_that_loses_samples_are_refused(init, dtype):
    with pytest.raises(TypeError, match=r"^dtype must be float32 or float64, not "):
        init(dtype=dtype)


@pytest.mark.parametrize("wide", [False, True])
def test_random_ranks_are_int32_of_keys_of_kind_rbg_too(wide):
    with jax.enable_x64(wide):
        ranks = selectax.random_ranks(jax.random.key(0, impl="rbg"), {"layer": np.zeros(5)})
    assert ranks["layer"].dtype == np.int32
    assert sorted(ranks["layer"].tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("wide", [False, True])
def test_lists_of_numbers_are_float32(wide):
    layer = np.asarray(activations("float32"))[..., :1]
    key, flat, small = jax.random.key(0), layer[:, 0, 0].tolist(), np.full((1, 8, 8, 3), 0.5)
    with jax.enable_x64(wide):
        found = (
            selectax.unit_responses(layer.tolist()),
            selectax.layer_selectivity(layer.tolist(), LABELS, 3),
            selectax.principal_variances(flat),
            selectax.participation_ratio([0.5, 0.25]),
            selectax.twonn_dimension(flat),
            selectax.class_selectivity_index([[0.5], [0.25]]),
            corrupt(key, small.tolist(), "contrast", 1),
            fgsm(lambda images: images[:, 0, 0], small.tolist(), [0], epsilon=0.1),
        )
    assert [leaf.dtype for leaf in found] == len(found) * [jnp.float32]
