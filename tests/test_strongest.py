import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from selectax.strongest import (
    StrongestResponses,
    init_strongest_responses,
    merge_strongest_responses,
    precision_at_k,
    update_strongest_responses,
)
from tests.reference import tuning as reference

update = jax.jit(update_strongest_responses)
merge = jax.jit(merge_strongest_responses)


def expected_precision(responses, labels, k, above=0.0):
    return [reference.precision_at_k(unit, labels.tolist(), k, above) for unit in responses.T]


@st.composite
def labelled_responses(draw):
    """Responses with many ties and zeros, labels and a mask."""
    samples, units = draw(st.sampled_from([0, 1, 6, 11])), 3
    elements = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0])
    responses = draw(hnp.arrays(np.float32, (samples, units), elements=elements))
    labels = draw(hnp.arrays(np.int32, samples, elements=st.integers(0, 3)))
    return responses, labels, draw(hnp.arrays(bool, samples))


@given(labelled_responses(), st.sampled_from([3, 20]), st.data())
def test_any_split_merged_in_any_grouping_matches_the_reference(batch, k, data):
    responses, labels, where = batch
    cuts = data.draw(st.lists(st.integers(0, len(labels)), max_size=3).map(sorted))
    empty = init_strongest_responses(k, responses.shape[1])
    parts = [
        update(empty, *piece[:2], where=piece[2])
        for piece in zip(*(np.split(a, cuts) for a in (responses, labels, where)), strict=True)
    ]
    while len(parts) > 1:  # neighbours in any grouping: ties go to what was seen first
        at = data.draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [merge(parts[at], parts[at + 1])]
    expected = expected_precision(responses[where], labels[where], k)
    np.testing.assert_allclose(precision_at_k(parts[0], 4), expected, rtol=1e-6)


def test_a_stream_keeps_the_strongest_in_order():
    generator = np.random.default_rng(0)
    responses = generator.gamma(1, size=(300, 5)).astype(np.float32)
    labels = generator.integers(0, 7, 300).astype(np.int32)
    strongest = init_strongest_responses(20, 5)
    for batch in zip(np.array_split(responses, 9), np.array_split(labels, 9), strict=True):
        strongest = update(strongest, *batch)
    order = np.argsort(-responses, axis=0)[:20]
    np.testing.assert_array_equal(strongest.response, np.take_along_axis(responses, order, axis=0))
    np.testing.assert_array_equal(strongest.label, labels[order])
    np.testing.assert_allclose(
        precision_at_k(strongest, 7), expected_precision(responses, labels, 20), rtol=1e-6
    )


def test_precision_known_by_hand():
    """Units: one class; two of three; fewer than k answers; dead; negative."""
    responses = np.array(
        [[3, 9, 1, 0, -1], [2, 8, 0, 0, -2], [1, 7, 0, 0, -3], [0, 1, 0, 0, -4]], np.float32
    )
    labels = np.array([2, 2, 0, 1])
    strongest = update(init_strongest_responses(3, 5), responses, labels)
    np.testing.assert_allclose(precision_at_k(strongest, 3), [2 / 3, 2 / 3, 1, 0, 0])
    everything = update_strongest_responses(
        init_strongest_responses(3, 5), responses, labels, above=-jnp.inf
    )
    np.testing.assert_allclose(precision_at_k(everything, 3), [2 / 3] * 5)


def test_masked_samples_may_hold_nan_and_negative_labels_take_no_part():
    responses = np.array([[np.nan], [1.0], [5.0], [2.0]], np.float32)
    strongest = update(
        init_strongest_responses(2, 1),
        responses,
        np.array([0, 1, -1, 1]),
        where=np.array([False, True, True, True]),
    )
    np.testing.assert_array_equal(strongest.response, [[2], [1]])
    np.testing.assert_array_equal(precision_at_k(strongest, 2), [1])


def test_state_scans_and_keeps_its_types():
    responses = jnp.ones((4, 6, 3), jnp.bfloat16)
    labels = jnp.zeros((4, 6), jnp.int32)
    strongest, _ = jax.lax.scan(
        lambda state, batch: (update_strongest_responses(state, *batch), None),
        init_strongest_responses(5, 3),
        (responses, labels),
    )
    assert strongest.response.dtype == jnp.float32
    assert strongest.label.dtype == jnp.int32
    np.testing.assert_array_equal(precision_at_k(strongest, 2), [1, 1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init_strongest_responses(0, 3), "k must be at least 1"),
        (lambda: update_with(responses=np.ones((5, 3), np.int32)), "responses must be floating"),
        (lambda: update_with(responses=np.ones((5, 4), np.float32)), "responses must have shape"),
        (lambda: update_with(labels=np.zeros(5, np.float32)), "labels must be integers"),
        (lambda: update_with(labels=np.zeros(4, np.int32)), "labels must have shape"),
        (lambda: update_with(where=np.zeros(4, bool)), "where must have shape"),
        (
            lambda: merge_strongest_responses(
                init_strongest_responses(2, 3), init_strongest_responses(3, 3)
            ),
            "a and b differ",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def update_with(**change):
    good = {"responses": np.ones((5, 3), np.float32), "labels": np.zeros(5, np.int32)}
    return update_strongest_responses(init_strongest_responses(2, 3), **(good | change))


def test_precision_of_many_classes_takes_no_more_memory_than_its_input():
    k, units, classes = 30, 40, 5000
    labels = np.random.default_rng(0).integers(0, 12, (k, units)).astype(np.int32)
    kept = StrongestResponses(jnp.ones((k, units)), jnp.asarray(labels))
    measure = jax.jit(lambda kept: precision_at_k(kept, classes))
    expected = [np.bincount(unit).max() / k for unit in labels.T]
    np.testing.assert_allclose(measure(kept), expected, rtol=1e-6)
    taken = measure.lower(kept).compile().memory_analysis().temp_size_in_bytes
    assert taken < 20 * labels.nbytes
