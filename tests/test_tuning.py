import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.sharding import Mesh, PartitionSpec

from selectax.selectivity import class_selectivity_index
from selectax.tuning import (
    class_conditional_mean_activity_selectivity,
    d_prime,
    init_class_statistics,
    merge_class_statistics,
    merge_class_statistics_over_devices,
    preferred_class,
    treves_rolls_sparseness,
    update_class_statistics,
    vinje_gallant_sparseness,
)
from tests.reference import selectivity as selectivity_reference
from tests.reference import tuning as reference

update = jax.jit(update_class_statistics)
merge = jax.jit(merge_class_statistics)
ccmas = jax.jit(class_conditional_mean_activity_selectivity)
INDICES = {
    "preferred class": (jax.jit(preferred_class), reference.preferred_class),
    "ccmas": (ccmas, reference.ccmas),
    "d prime": (jax.jit(d_prime), reference.d_prime),
}


def responses_of(samples=500, units=7, num_classes=10, seed=0):
    """Gamma responses, stronger to some classes, and labels of unequal frequency."""
    generator = np.random.default_rng(seed)
    labels = np.minimum(generator.geometric(0.25, samples) - 1, num_classes - 1).astype(np.int32)
    tuning = generator.gamma(1, size=(num_classes, units))
    responses = generator.gamma(1, size=(samples, units)) * tuning[labels]
    return responses.astype(np.float32), labels


def statistics_of(responses, labels, num_classes=10, where=None, batches=1):
    statistics = init_class_statistics(num_classes, responses.shape[1])
    where = np.ones(len(labels), bool) if where is None else where
    for piece in zip(
        *(np.array_split(a, batches) for a in (responses, labels, where)), strict=True
    ):
        statistics = update(statistics, *piece[:2], where=piece[2])
    return statistics


def per_unit(function, responses, *arguments):
    return np.array([function(unit, *arguments) for unit in responses.T])


@st.composite
def labelled_responses(draw):
    """Responses on a coarse grid, so that means are equal exactly or clearly not."""
    num_classes = draw(st.sampled_from([1, 5]))
    samples, units = draw(st.sampled_from([0, 1, 4, 9])), 3
    elements = st.sampled_from([0.0, 1.0, 2.0, 64.0])
    responses = draw(hnp.arrays(np.float32, (samples, units), elements=elements))
    labels = draw(hnp.arrays(np.int32, samples, elements=st.integers(-1, num_classes)))
    where = draw(hnp.arrays(bool, samples))
    return responses, labels, num_classes, where


@given(labelled_responses(), st.data())
def test_any_split_merged_in_any_order_has_the_references_moments(batch, data):
    responses, labels, num_classes, where = batch
    cuts = data.draw(st.lists(st.integers(0, len(labels)), max_size=3).map(sorted))
    empty = init_class_statistics(num_classes, responses.shape[1])
    parts = [
        update(empty, *piece[:2], where=piece[2])
        for piece in zip(*(np.split(a, cuts) for a in (responses, labels, where)), strict=True)
    ]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        other = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(merge(one, other))
    for label in range(num_classes):
        own = responses[where & (labels == label)].astype(np.float64)
        assert parts[0].count[label] == len(own)
        mean = own.mean(axis=0) if len(own) else 0
        np.testing.assert_allclose(parts[0].mean[label], mean, rtol=1e-6, atol=1e-6)
        scatter = np.sum((own - mean) ** 2, axis=0)
        np.testing.assert_allclose(parts[0].scatter[label], scatter, rtol=1e-5, atol=1e-4)


@given(labelled_responses())
def test_indices_of_small_batches_match_the_reference(batch):
    """Absent classes, labels of no class, masks, dead units and single samples among them."""
    responses, labels, num_classes, where = batch
    statistics = update(
        init_class_statistics(num_classes, responses.shape[1]), responses, labels, where=where
    )
    for name, (index, expected_of) in INDICES.items():
        expected = per_unit(expected_of, responses[where], labels[where], num_classes)
        np.testing.assert_allclose(index(statistics), expected, rtol=1e-4, atol=1e-5, err_msg=name)
    counted = responses[where & (labels >= 0) & (labels < num_classes)]
    np.testing.assert_allclose(
        treves_rolls_sparseness(statistics), per_unit(reference.treves_rolls, counted), atol=1e-5
    )
    np.testing.assert_allclose(
        vinje_gallant_sparseness(statistics), per_unit(reference.vinje_gallant, counted), atol=1e-5
    )


@pytest.mark.parametrize("batches", [1, 13])
def test_indices_of_a_stream_match_the_reference(batches):
    responses, labels = responses_of()
    statistics = statistics_of(responses, labels, batches=batches)
    for index, expected_of in INDICES.values():
        expected = per_unit(expected_of, responses, labels, 10)
        np.testing.assert_allclose(index(statistics), expected, rtol=1e-4)
    found = treves_rolls_sparseness(statistics)
    np.testing.assert_allclose(found, per_unit(reference.treves_rolls, responses), rtol=1e-4)
    found = vinje_gallant_sparseness(statistics)
    np.testing.assert_allclose(found, per_unit(reference.vinje_gallant, responses), rtol=1e-4)


def test_the_class_selectivity_index_comes_from_the_same_pass():
    responses, labels = responses_of()
    statistics = statistics_of(responses, labels, 12, batches=3)
    found = class_selectivity_index(statistics.mean, statistics.count > 0)
    expected = selectivity_reference.class_selectivity_index(
        *selectivity_reference.class_means(responses, labels, 12)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_ccmas_pools_samples_and_the_class_selectivity_index_classes():
    """Means 4, 2 and 1 of 1, 2 and 97 samples: rest 1.0202 over samples, 1.5 over classes."""
    responses = np.array([[4.0]] + 2 * [[2.0]] + 97 * [[1.0]], np.float32)
    labels = np.array([0, 1, 1] + 97 * [2])
    statistics = statistics_of(responses, labels, 3)
    rest = (2 * 2 + 97) / 99
    np.testing.assert_allclose(ccmas(statistics), [(4 - rest) / (4 + rest)], rtol=1e-6)
    index = class_selectivity_index(statistics.mean, statistics.count > 0)
    np.testing.assert_allclose(index, [(4 - 1.5) / (4 + 1.5)], rtol=1e-5)


def test_indices_known_by_hand():
    """Units: one class alone; one sample alone; dead; constant; means 3 and 1, variances 2."""
    responses = np.array(
        [
            [2, 5, 0, 7, 2],
            [2, 0, 0, 7, 4],
            [0, 0, 0, 7, 0],
            [0, 0, 0, 7, 2],
        ],
        np.float32,
    )
    labels = np.array([1, 1, 0, 0])
    statistics = statistics_of(responses, labels, 2)
    np.testing.assert_array_equal(preferred_class(statistics), [1, 1, -1, -1, 1])
    np.testing.assert_allclose(ccmas(statistics), [1, 1, 0, 0, 0.5])
    np.testing.assert_allclose(
        d_prime(statistics), [np.inf, 2.5 / 2.5, 0, 0, 2 / np.sqrt(2)], rtol=1e-6
    )
    np.testing.assert_allclose(
        treves_rolls_sparseness(statistics), [0.5, 0.25, 1, 1, 4 / 6], rtol=1e-6
    )
    np.testing.assert_allclose(
        vinje_gallant_sparseness(statistics), [2 / 3, 1, 0, 0, 4 / 9], rtol=1e-6
    )


def test_large_means_do_not_cancel():
    """Deviation 1 at mean 1000: float32 sums of squares would lose the variance."""
    generator = np.random.default_rng(0)
    labels = np.arange(2000, dtype=np.int32) % 2
    responses = (1000 + labels[:, None] + generator.normal(size=(2000, 3))).astype(np.float32)
    statistics = statistics_of(responses, labels, 2, batches=20)
    expected = per_unit(reference.d_prime, responses, labels, 2)
    np.testing.assert_allclose(d_prime(statistics), expected, rtol=5e-3)
    expected = per_unit(reference.vinje_gallant, responses)
    np.testing.assert_allclose(vinje_gallant_sparseness(statistics), expected, rtol=5e-3)


def test_equal_responses_that_are_no_short_binary_fractions_prefer_no_class():
    labels = np.repeat([0, 1, 2], [3, 7, 90]).astype(np.int32)
    statistics = statistics_of(np.full((100, 2), [0.1, 1e-7], np.float32), labels, 3, batches=7)
    np.testing.assert_array_equal(preferred_class(statistics), [-1, -1])
    np.testing.assert_array_equal(d_prime(statistics), [0, 0])
    np.testing.assert_allclose(vinje_gallant_sparseness(statistics), [0, 0], atol=1e-12)


def test_masked_samples_may_hold_nan_and_bfloat16_accumulates_in_float32():
    responses, labels = responses_of(60)
    where = np.arange(60) % 3 > 0
    expected = per_unit(reference.d_prime, responses[where], labels[where], 10)
    responses[~where] = np.nan
    labels[0] = labels[3] = -1
    found = d_prime(statistics_of(responses, labels, where=where.astype(np.float32)))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    half = statistics_of(jnp.asarray(responses, jnp.bfloat16), labels, where=where)
    assert {leaf.dtype for leaf in jax.tree.leaves(half)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(d_prime(half), expected, rtol=0.05)


def test_statistics_sum_over_devices(four_devices):
    """Devices hold different classes: their statistics differ in every way."""
    responses, labels = responses_of(400)
    order = np.argsort(labels)
    responses, labels = responses[order] + 100, labels[order]

    def local(responses, labels):
        start = init_class_statistics(10, 7)
        return merge_class_statistics_over_devices(
            update_class_statistics(start, responses, labels), "d"
        )

    split = jax.shard_map(
        local,
        mesh=Mesh(np.array(four_devices), ("d",)),
        in_specs=PartitionSpec("d"),
        out_specs=PartitionSpec(),
    )
    together = jax.jit(split)(responses, labels)
    whole = statistics_of(responses, labels)
    for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_statistics_scan_without_recompilation():
    responses, labels = responses_of(120)
    traces = []

    @jax.jit
    def stream(responses, labels):
        traces.append(None)

        def add(statistics, batch):
            return update_class_statistics(statistics, *batch), None

        batches = responses.reshape(6, 20, 7), labels.reshape(6, 20)
        return jax.lax.scan(add, init_class_statistics(10, 7), batches)[0]

    for seed in range(2):
        responses, labels = responses_of(120, seed=seed)
        expected = per_unit(reference.ccmas, responses, labels, 10)
        np.testing.assert_allclose(ccmas(stream(responses, labels)), expected, rtol=1e-4)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"responses": np.ones((5, 3), np.int32)}, "responses must be floating-point"),
        ({"responses": np.ones((5, 4), np.float32)}, "responses must have shape .samples, 3"),
        ({"responses": np.ones(5, np.float32)}, "responses must have shape .samples, 3"),
        ({"labels": np.zeros(5, np.float32)}, "labels must be integers"),
        ({"labels": np.zeros(4, np.int32)}, "labels must have shape"),
        ({"where": np.zeros(4, bool)}, "where must have shape"),
    ],
)
def test_bad_arguments_are_named(change, message):
    good = {"responses": np.ones((5, 3), np.float32), "labels": np.zeros(5, np.int32)}
    with pytest.raises((TypeError, ValueError), match=message):
        update_class_statistics(init_class_statistics(2, 3), **(good | change))


def test_statistics_of_other_shapes_do_not_merge():
    with pytest.raises(ValueError, match="a and b differ"):
        merge_class_statistics(init_class_statistics(2, 3), init_class_statistics(3, 3))


@pytest.mark.parametrize("over_devices", [False, True])
@pytest.mark.parametrize(
    "update", [update_class_statistics, jax.jit(update_class_statistics)], ids=["plain", "jit"]
)
def test_batches_whose_means_are_rounded_are_merged_exactly(update, over_devices):
    """At mean 1000 floats lie 6e-5 apart, which is more than half of the deviation."""
    generator = np.random.default_rng(0)
    labels = (np.arange(480) % 3).astype(np.int32)
    responses = 1000 + 1e-4 * (generator.normal(size=(480, 3)) + (labels == 1)[:, None])
    responses = responses.astype(np.float32)
    parts = [
        update(init_class_statistics(3, 3), few, own)
        for few, own in zip(np.split(responses, 16), np.split(labels, 16), strict=True)
    ]
    if over_devices:
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)
        together = jax.vmap(
            lambda part: merge_class_statistics_over_devices(part, "d"), axis_name="d"
        )(stacked)
        statistics = jax.tree.map(lambda leaf: leaf[0], together)
    else:
        while len(parts) > 1:
            parts.append(merge_class_statistics(parts.pop(3 % len(parts)), parts.pop(0)))
        (statistics,) = parts
    exact = responses.astype(np.float64)
    squares = [np.sum((exact[labels == k] - exact[labels == k].mean(0)) ** 2, 0) for k in range(3)]
    np.testing.assert_allclose(statistics.scatter, squares, rtol=1e-5)
    one, other = exact[labels == 1], exact[labels != 1]
    deviation = np.sqrt((one.var(0, ddof=1) + other.var(0, ddof=1)) / 2)
    expected = (one.mean(0) - other.mean(0)) / deviation
    np.testing.assert_allclose(d_prime(statistics), expected, rtol=1e-5)
    np.testing.assert_array_equal(preferred_class(statistics), 1)


def test_equal_rounded_means_are_told_apart_by_their_remainders():
    """Classes that differ by a third of the spacing of floats, which their means are rounded to."""
    spacing = 2.0**-14
    zero = np.repeat(1000 + spacing * np.array([0, 1, 1, 1, 1, 2]), 2)
    one = np.repeat(1000 + spacing * np.array([0, 1, 1, 1, 2, 3]), 2)
    responses = np.concatenate([zero, one])[:, None].astype(np.float32)
    labels = np.repeat([0, 1], 12).astype(np.int32)
    statistics = update_class_statistics(init_class_statistics(2, 1), responses, labels)
    np.testing.assert_array_equal(statistics.mean[0], statistics.mean[1])
    np.testing.assert_array_equal(preferred_class(statistics), [1])
    expected = spacing / 3 / np.sqrt((zero.var(ddof=1) + one.var(ddof=1)) / 2)
    np.testing.assert_allclose(d_prime(statistics), [expected], rtol=1e-5)
