import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.sharding import Mesh, PartitionSpec

from selectax import models
from selectax.ablation import (
    CorrectCounts,
    ablated_accuracy,
    accuracy_of_counts,
    cumulative_masks,
    init_correct_counts,
    least_selective_first,
    most_selective_first,
    random_ranks,
    single_unit_masks,
    update_correct_counts,
)
from tests.reference import ablation as reference

UNITS = 6
GENERATOR = np.random.default_rng(0)
FIRST = GENERATOR.normal(size=(5, UNITS)).astype(np.float32)
SECOND = GENERATOR.normal(size=(UNITS, 4)).astype(np.float32)


def two_layers(images, masks):
    return (jax.nn.relu(images @ FIRST) * masks["hidden"]) @ SECOND


def some_images(samples=30, seed=1):
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(samples, 5)).astype(np.float32)
    return images, generator.integers(0, 4, samples).astype(np.int32)


@given(hnp.arrays(np.float32, st.integers(1, 9), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
def test_ranks_follow_the_reference_order_and_ties_the_unit_number(selectivity):
    for ranks_of, descending in ((most_selective_first, True), (least_selective_first, False)):
        ranks = ranks_of(selectivity)
        assert ranks.dtype == jnp.int32
        order = reference.order(selectivity, descending)
        np.testing.assert_array_equal(np.argsort(ranks), order)


def test_layers_are_ranked_together():
    selectivity = {"a": jnp.array([0.1, 0.9]), "b": jnp.array([0.5, 0.2, 0.95])}
    ranks = most_selective_first(selectivity)
    np.testing.assert_array_equal(ranks["a"], [4, 1])
    np.testing.assert_array_equal(ranks["b"], [2, 3, 0])
    masks = cumulative_masks(ranks, [0, 2, 5])
    np.testing.assert_array_equal(masks["a"], [[1, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(masks["b"], [[1, 1, 1], [1, 1, 0], [0, 0, 0]])


def test_random_ranks_are_a_permutation_that_the_key_decides():
    units = {"a": jnp.zeros(40), "b": jnp.zeros(24)}
    ranks = random_ranks(jax.random.key(0), units)
    together = np.concatenate([ranks["a"], ranks["b"]])
    np.testing.assert_array_equal(np.sort(together), np.arange(64))
    assert np.any(together != np.arange(64))
    again = random_ranks(jax.random.key(0), units)
    np.testing.assert_array_equal(again["a"], ranks["a"])
    assert np.any(random_ranks(jax.random.key(1), units)["a"] != ranks["a"])


@given(st.integers(1, 8), st.integers(0, 10))
def test_cumulative_masks_switch_off_one_more_unit_each(units, seed):
    masks = cumulative_masks(random_ranks(jax.random.key(seed), jnp.zeros(units)))
    assert masks.shape == (units + 1, units)
    assert masks.dtype == bool
    np.testing.assert_array_equal(np.sum(~masks, axis=1), np.arange(units + 1))
    assert np.all(masks[1:] <= masks[:-1])


def test_single_unit_masks():
    np.testing.assert_array_equal(single_unit_masks(3), [[0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.parametrize("masks_at_a_time", [1, 4, 100])
def test_accuracy_matches_the_reference(masks_at_a_time):
    images, labels = some_images()
    where = np.arange(30) % 4 > 0
    masks = cumulative_masks(most_selective_first(jnp.linspace(0, 1, UNITS)))
    found = ablated_accuracy(
        two_layers,
        {"hidden": masks},
        images,
        labels,
        where=where,
        masks_at_a_time=masks_at_a_time,
    )
    expected = reference.accuracy(images, labels, FIRST, SECOND, masks, where)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert len(set(np.asarray(found).tolist())) > 2


@pytest.mark.slow
@given(st.lists(st.sampled_from([0, 10, 17, 30]), max_size=3).map(sorted), st.data())
def test_any_split_merged_in_any_order_equals_the_whole(cuts, data):
    images, labels = some_images()
    masks = {"hidden": single_unit_masks(UNITS)}
    where = data.draw(hnp.arrays(bool, 30))
    parts = [
        update_correct_counts(init_correct_counts(UNITS), two_layers, masks, *piece[:2], where=mask)
        for *piece, mask in zip(
            np.split(images, cuts), np.split(labels, cuts), np.split(where, cuts), strict=True
        )
    ]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        other = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(one + other)
    assert parts[0].count == where.sum()
    expected = reference.accuracy(images, labels, FIRST, SECOND, masks["hidden"], where)
    np.testing.assert_allclose(accuracy_of_counts(parts[0]), expected, rtol=1e-6)


def test_a_network_with_one_useful_unit():
    """Unit 3 alone tells the two classes apart: without it every image is of class 1."""

    def logits_fn(images, masks):
        responses = images * masks["layer"]
        return jnp.stack([responses[:, 3], jnp.full(len(images), 0.5)], axis=1)

    labels = jnp.arange(20) % 2
    images = jax.random.uniform(jax.random.key(0), (20, 7)).at[:, 3].set(1 - labels)
    alone = ablated_accuracy(logits_fn, {"layer": single_unit_masks(7)}, images, labels)
    np.testing.assert_array_equal(alone, [1, 1, 1, 0.5, 1, 1, 1])
    selectivity = jnp.zeros(7).at[3].set(1)
    first = {"layer": cumulative_masks(most_selective_first(selectivity))}
    np.testing.assert_array_equal(
        ablated_accuracy(logits_fn, first, images, labels), [1] + [0.5] * 7
    )
    last = {"layer": cumulative_masks(least_selective_first(selectivity))}
    np.testing.assert_array_equal(
        ablated_accuracy(logits_fn, last, images, labels), [1] * 7 + [0.5]
    )


def test_one_compilation_serves_all_masks_and_a_scan_streams_over_batches():
    images, labels = some_images(40)
    traces = []

    @jax.jit
    def stream(masks, images, labels):
        def logits_fn(images, masks):
            traces.append(None)
            return two_layers(images, masks)

        def add(counts, batch):
            return update_correct_counts(counts, logits_fn, masks, *batch), None

        start = init_correct_counts(UNITS + 1)
        return accuracy_of_counts(jax.lax.scan(add, start, (images, labels))[0])

    batches = images.reshape(4, 10, 5), labels.reshape(4, 10)
    for seed in range(3):
        masks = cumulative_masks(random_ranks(jax.random.key(seed), jnp.zeros(UNITS)))
        expected = reference.accuracy(images, labels, FIRST, SECOND, masks, np.ones(40, bool))
        np.testing.assert_allclose(stream({"hidden": masks}, *batches), expected, rtol=1e-6)
        if seed == 0:
            first = len(traces)
    assert len(traces) == first


def test_counts_sum_over_devices(four_devices):
    images, labels = some_images(40)
    masks = {"hidden": single_unit_masks(UNITS)}

    def count(images, labels):
        start = init_correct_counts(UNITS)
        return jax.lax.psum(update_correct_counts(start, two_layers, masks, images, labels), "d")

    mesh = Mesh(np.array(four_devices), ("d",))
    split = jax.shard_map(
        count, mesh=mesh, in_specs=PartitionSpec("d"), out_specs=PartitionSpec(), check_vma=False
    )
    whole = update_correct_counts(init_correct_counts(UNITS), two_layers, masks, images, labels)
    together = jax.jit(split)(images, labels)
    assert isinstance(together, CorrectCounts)
    np.testing.assert_array_equal(together.correct, whole.correct)
    assert together.count == 40


def test_nan_logits_are_nan_and_no_samples_no_right_answers():
    masks = {"hidden": single_unit_masks(UNITS)}
    images, labels = some_images()
    broken = ablated_accuracy(two_layers, masks, images * np.nan, np.zeros_like(labels))
    np.testing.assert_array_equal(broken, np.full(UNITS, np.nan))
    nobody = ablated_accuracy(two_layers, masks, images, labels, where=np.zeros(30, bool))
    np.testing.assert_array_equal(nobody, np.zeros(UNITS))


@pytest.mark.slow
def test_masks_of_two_layers_of_a_residual_network():
    module = models.create("resnet8", 10)
    images = jax.random.uniform(jax.random.key(1), (6, 8, 8, 3))
    variables = jax.jit(module.init)(jax.random.key(0), images)

    def logits_fn(images, masks):
        return module.apply(variables, images, masks=masks)[0]

    names = ("stage1_block1_sum", "stage3_block1_inner")
    masks = {
        name: jax.random.bernoulli(jax.random.key(number), 0.5, (3, units))
        for number, (name, units) in enumerate(zip(names, (16, 64), strict=True))
    }
    expected = []
    for row in range(3):
        logits = logits_fn(images, {name: mask[row] for name, mask in masks.items()})
        expected.append(jnp.argmax(logits, axis=-1))
    # The labels are the answers under the second mask, which alone is then always right.
    found = jax.jit(lambda m, i, y: ablated_accuracy(logits_fn, m, i, y))(
        masks, images, expected[1]
    )
    np.testing.assert_allclose(found, [np.mean(answer == expected[1]) for answer in expected])
    assert found[1] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masks": {}}, "masks must be a dict"),
        ({"masks": np.ones((6, 6), bool)}, "masks must be a dict"),
        ({"masks": {"hidden": np.ones(6, bool)}}, "masks must have shapes"),
        (
            {"masks": {"hidden": np.ones((6, 6), bool), "other": np.ones((5, 6), bool)}},
            "masks must have shapes",
        ),
        ({"masks": {"hidden": np.ones((5, 6), bool)}}, "counts are of 6 masks, but masks holds 5"),
        ({"labels": np.zeros(30, np.float32)}, "labels must be integers"),
        ({"labels": np.zeros(29, np.int32)}, "labels must have shape"),
        ({"where": np.zeros(29, bool)}, "where must have shape"),
        ({"where": np.full(30, 0.5)}, "where holds 0.5, .* weights are not supported"),
        ({"masks_at_a_time": 0}, "masks_at_a_time must be at least 1"),
        ({"masks_at_a_time": 1.5}, r"masks_at_a_time must be an integer, not 1\.5"),
    ],
)
def test_bad_arguments_are_named(change, message):
    images, labels = some_images()
    good = {"masks": {"hidden": single_unit_masks(UNITS)}, "images": images, "labels": labels}
    arguments = good | change
    with pytest.raises((TypeError, ValueError), match=message):
        update_correct_counts(init_correct_counts(UNITS), two_layers, **arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: most_selective_first(jnp.zeros(0)), "at least one unit"),
        (lambda: most_selective_first({}), "at least one unit"),
        (lambda: least_selective_first({"a": jnp.zeros((2, 3))}), "shape"),
        (lambda: cumulative_masks(jnp.arange(3), [0, 4]), "numbers_off .* between 0 and 3"),
        (lambda: cumulative_masks(jnp.arange(3), [-1]), "numbers_off .* between 0 and 3"),
        (lambda: cumulative_masks(jnp.arange(3), 2), "numbers_off must be a vector"),
        (lambda: cumulative_masks(jnp.arange(3), [0.5, 1.0]), "numbers_off must be integers, not"),
        (lambda: cumulative_masks(jnp.array([0.1, 0.9])), "ranks must be integers, not float"),
        (lambda: random_ranks(jax.random.key(0), {}), "units must hold at least one unit"),
        (lambda: single_unit_masks(0), "units must be at least 1, not 0"),
        (lambda: single_unit_masks(1.5), r"units must be an integer, not 1\.5"),
        (lambda: init_correct_counts(-1), "masks must be at least 0, not -1"),
        (lambda: init_correct_counts(2) + init_correct_counts(3), r"a and b differ in \(masks,\)"),
    ],
)
def test_bad_ranks_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
