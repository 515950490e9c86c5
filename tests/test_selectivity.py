import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.sharding import Mesh, PartitionSpec

from selectax.bases import signed_selectivity_index
from selectax.selectivity import (
    ClassMoments,
    class_means,
    class_selectivity_index,
    dead_units,
    init_class_moments,
    layer_selectivity,
    mean_selectivity,
    mean_selectivity_and_grad,
    share_selective,
    unit_responses,
    update_class_moments,
)
from tests.reference import selectivity as reference
from tests.reference.finite_differences import central_difference

update = jax.jit(update_class_moments)
index_of = jax.jit(lambda moments: class_selectivity_index(*class_means(moments)))


@st.composite
def labelled_responses(draw):
    """Responses, labels (some belong to no class, some classes are absent), classes and a mask."""
    num_classes = draw(st.sampled_from([1, 2, 5]))
    samples, units = draw(st.sampled_from([0, 1, 4, 9])), draw(st.sampled_from([1, 3]))
    responses = draw(hnp.arrays(np.float32, (samples, units), elements=st.floats(0, 100, width=32)))
    labels = draw(hnp.arrays(np.int32, samples, elements=st.integers(-1, num_classes)))
    where = draw(hnp.arrays(bool, samples))
    return responses, labels, num_classes, where


def random_batch(seed=0):
    """Two layers, 8 samples, 6 classes of which 2 and 5 are absent, and a mask."""
    generator = np.random.default_rng(seed)
    activations = {
        "stem": generator.uniform(0.1, 2, (8, 2, 3, 4)).astype(np.float32),
        "block": generator.uniform(0.1, 2, (8, 2)).astype(np.float32),
    }
    labels = np.array([0, 1, 1, 3, 4, 4, 0, 3], np.int32)
    where = np.array([1, 1, 1, 1, 1, 0, 1, 1], bool)
    return activations, labels, 6, where


def test_index_of_units_known_by_hand():
    means = jnp.array([[5.0, 3, 0, 7, 4], [0, 1, 0, 7, 2], [0, 2, 0, 7, 1]])
    expected = [1, 1.5 / 4.5, 0, 0, 2.5 / 5.5]
    np.testing.assert_allclose(class_selectivity_index(means), expected, atol=1e-6)


def test_share_of_units_above_a_threshold():
    index = np.array([0.0, 0.5, 0.75, 0.76, 1.0], np.float32)
    np.testing.assert_allclose(share_selective(index), 2 / 5)
    np.testing.assert_allclose(share_selective(index, threshold=0.5), 3 / 5)
    np.testing.assert_allclose(share_selective(index.astype(np.float16)), 2 / 5)
    assert np.isnan(share_selective(np.array([0.1, np.nan], np.float32)))


@pytest.mark.parametrize(
    ("index", "threshold", "message"),
    [
        (np.zeros((2, 3), np.float32), 0.75, r"index must have shape \(units,\)"),
        (np.zeros(0, np.float32), 0.75, "at least one unit"),
        (np.zeros(3, np.float32), 75, "threshold must lie between 0 and 1, not 75"),
    ],
)
def test_a_share_of_what_is_no_index_is_refused(index, threshold, message):
    with pytest.raises(ValueError, match=message):
        share_selective(index, threshold=threshold)


def test_dead_units_respond_to_no_sample_of_any_batch():
    """The second responds to one sample of the second batch only; the third never."""
    first = np.array([[1, 0, 0], [2, 0, 0]], np.float32)
    second = np.array([[0, 0, 0], [0, 1e-30, 0], [9, 9, 9]], np.float32)
    moments = update_class_moments(init_class_moments(2, 3), first, np.array([0, 1]))
    assert np.mean(dead_units(moments)) == pytest.approx(2 / 3)
    where = np.array([True, True, False])
    moments = update_class_moments(moments, second, np.array([0, 1, 1]), where=where)
    np.testing.assert_array_equal(dead_units(moments), [0, 0, 1])


def test_without_samples_or_with_nan_it_is_not_known_which_units_are_dead():
    empty = init_class_moments(2, 3)
    np.testing.assert_array_equal(dead_units(empty), [np.nan] * 3)
    responses = np.array([[np.nan, 0, 1]], np.float32)
    moments = update_class_moments(empty, responses, np.array([0]))
    np.testing.assert_array_equal(dead_units(moments), [np.nan, 1, 0])


def test_each_class_counts_once_whatever_its_sample_count():
    responses = np.array([[4.0]] + 2 * [[2.0]] + 97 * [[1.0]], np.float32)
    labels = np.array([0, 1, 1] + 97 * [2])
    moments = update(init_class_moments(3, 1), responses, labels)
    np.testing.assert_allclose(index_of(moments), [(4 - 1.5) / (4 + 1.5)], rtol=1e-5)


def test_eps_is_an_option():
    means = jnp.array([[3.0], [1.0]])
    np.testing.assert_allclose(class_selectivity_index(means, eps=1.0), [2 / 5], rtol=1e-6)


def test_absent_classes_are_masked_and_not_zeros():
    means = jnp.array([[3.0], [1.0], [0.0], [jnp.nan]])
    present = jnp.array([True, True, False, False])
    np.testing.assert_allclose(class_selectivity_index(means, present), [0.5], rtol=1e-5)


def test_a_list_of_classes_is_no_mask():
    means = jnp.array([[4.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    for index in (class_selectivity_index, signed_selectivity_index):
        with pytest.raises(ValueError, match=r"^present holds 2, but marks the classes to use by"):
            index(means, present=[0, 1, 2])


def test_states_of_different_layers_cannot_be_added():
    with pytest.raises(ValueError, match=r"^a and b differ in \(classes, units\): \(3, 1\) and"):
        init_class_moments(3, 1) + init_class_moments(3, 16)


def test_nested_lists_have_the_gradient_of_their_arrays():
    nested, labels = {"a": [[1.0, 2.0], [0.0, 2.0]]}, [0, 1]
    mean, gradient = mean_selectivity_and_grad(nested, labels, 2)
    expected = mean_selectivity_and_grad({"a": jnp.array(nested["a"])}, labels, 2)
    np.testing.assert_array_equal(mean, expected[0])
    np.testing.assert_array_equal(gradient["a"], expected[1]["a"])


@given(labelled_responses())
def test_class_means_match_the_reference(batch):
    responses, labels, num_classes, where = batch
    moments = update(
        init_class_moments(num_classes, responses.shape[1]), responses, labels, where=where
    )
    means, present = class_means(moments)
    expected_means, expected_present = reference.class_means(responses, labels, num_classes, where)
    np.testing.assert_array_equal(present, expected_present)
    np.testing.assert_allclose(means[present], expected_means[present], rtol=1e-5, atol=1e-30)
    assert np.all(np.isfinite(means))


@given(labelled_responses(), st.data())
def test_any_split_merged_in_any_order_matches_the_reference(batch, data):
    responses, labels, num_classes, where = batch
    cuts = data.draw(st.lists(st.integers(0, len(labels)), max_size=3).map(sorted))
    pieces = zip(
        np.split(responses, cuts), np.split(labels, cuts), np.split(where, cuts), strict=True
    )
    empty = init_class_moments(num_classes, responses.shape[1])
    parts = [update(empty, piece, own, where=mask) for piece, own, mask in pieces]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        other = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(one + other)
    means, present = reference.class_means(responses, labels, num_classes, where)
    np.testing.assert_array_equal(parts[0].count > 0, present)
    expected = reference.class_selectivity_index(means, present)
    np.testing.assert_allclose(index_of(parts[0]), expected, atol=2e-5)


def test_streaming_over_many_batches_equals_the_whole():
    generator = np.random.default_rng(0)
    responses = generator.gamma(1, size=(1000, 7)).astype(np.float32)
    labels = generator.integers(0, 10, 1000).astype(np.int32)
    moments = init_class_moments(10, 7)
    for start in range(0, 1000, 100):
        batch = slice(start, start + 100)
        moments = update(moments, responses[batch], labels[batch])
    expected = reference.class_selectivity_index(*reference.class_means(responses, labels, 10))
    np.testing.assert_allclose(index_of(moments), expected, rtol=1e-4)
    assert moments.count.sum() == 1000


def test_moments_are_a_pytree_of_float32_with_frozen_fields():
    moments = init_class_moments(3, 2)
    assert [leaf.shape for leaf in jax.tree.leaves(moments)] == [(3,), (3, 2)]
    assert {leaf.dtype for leaf in jax.tree.leaves(moments)} == {jnp.dtype("float32")}
    assert isinstance(jax.tree.map(lambda leaf: 2 * leaf, moments), ClassMoments)
    with pytest.raises(AttributeError):
        moments.count = jnp.zeros(3)


@pytest.mark.parametrize("mask_dtype", [bool, np.float32])
def test_masked_samples_may_hold_nan(mask_dtype):
    activations, labels, num_classes, where = random_batch()
    expected = reference.mean_selectivity(activations, labels, num_classes, where=where)
    for layer in activations.values():
        layer[~where] = np.nan
    value, gradient = mean_selectivity_and_grad(
        activations, labels, num_classes, where=where.astype(mask_dtype)
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for layer in gradient.values():
        np.testing.assert_array_equal(layer[~where], 0)
        assert np.all(np.isfinite(layer))
        assert np.any(layer[where] != 0)


@pytest.mark.parametrize("shape", [(5, 3), (5, 4, 3), (5, 2, 3, 4), (5, 2, 1, 2, 3)])
def test_unit_responses_are_spatial_means(shape):
    activations = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    responses = unit_responses(activations)
    assert responses.shape == (shape[0], shape[-1])
    np.testing.assert_allclose(responses, reference.unit_responses(activations), atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_activations_accumulate_in_float32(dtype):
    # Sums reach 60,000 times 8: beyond float16, and far beyond where bfloat16 can add 1.
    generator = np.random.default_rng(0)
    activations = jnp.asarray(generator.uniform(0, 4, (1200, 5, 5, 3)), dtype)
    labels = np.arange(1200, dtype=np.int32) % 2
    exact = np.asarray(activations, np.float64)
    expected = reference.layer_selectivity({"layer": exact}, labels, 2)["layer"]
    index = layer_selectivity(activations, labels, 2)
    assert index.dtype == jnp.float32
    assert unit_responses(activations).dtype == jnp.float32
    np.testing.assert_allclose(index, expected, rtol=1e-3, atol=1e-6)
    _, gradient = mean_selectivity_and_grad(activations, labels, 2)
    assert gradient.dtype == dtype
    assert gradient.shape == activations.shape


def test_layer_selectivity_keeps_names_order_and_widths():
    activations, labels, num_classes, where = random_batch()
    by_layer = layer_selectivity(activations, labels, num_classes, where=where)
    expected = reference.layer_selectivity(activations, labels, num_classes, where)
    assert list(by_layer) == ["stem", "block"]
    for name in by_layer:
        np.testing.assert_allclose(by_layer[name], expected[name], rtol=1e-4, atol=1e-6)


def test_a_single_array_is_one_layer():
    activations, labels, num_classes, _ = random_batch()
    array = activations["stem"]
    index = layer_selectivity(array, labels, num_classes)
    by_layer = layer_selectivity({"a": array}, labels, num_classes)
    np.testing.assert_array_equal(index, by_layer["a"])
    assert list(layer_selectivity([array, array], labels, num_classes)) == ["layer_0", "layer_1"]
    value, gradient = mean_selectivity_and_grad(array, labels, num_classes)
    np.testing.assert_allclose(value, mean_selectivity({"a": array}, labels, num_classes))
    assert gradient.shape == array.shape


@pytest.mark.parametrize("layers", [None, ["stem"], ("block",), ("block", "stem")])
def test_mean_selectivity_gives_each_layer_the_same_weight(layers):
    activations, labels, num_classes, where = random_batch()
    value, gradient = mean_selectivity_and_grad(
        activations, labels, num_classes, layers=layers, where=where
    )
    expected = reference.mean_selectivity(activations, labels, num_classes, layers, where)
    assert value.shape == ()
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert {name: layer.shape for name, layer in gradient.items()} == {
        name: layer.shape for name, layer in activations.items()
    }
    for name, layer in gradient.items():
        assert np.any(layer != 0) == (layers is None or name in layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "as_tuples"),
    [
        ([["stem", "block"]], [("stem", "block")]),
        ((("block", "last"), "stem"), [("block", "last"), ("stem",)]),
        ({"early": ["stem"], "late": ("last", "block")}, [("stem",), ("last", "block")]),
        ([["last"], ["stem"]], [("last",), ("stem",)]),
    ],
)
def test_units_of_a_group_are_pooled_whatever_the_widths_of_its_layers(layers, as_tuples):
    activations, labels, num_classes, where = random_batch()
    last = np.random.default_rng(5).uniform(0.1, 2, (8, 7)).astype(np.float32)
    activations["last"] = last

    def value_of(layer):
        changed = {**activations, "last": layer}
        return reference.mean_selectivity(changed, labels, num_classes, as_tuples, where)

    value, gradient = mean_selectivity_and_grad(
        activations, labels, num_classes, layers=layers, where=where
    )
    np.testing.assert_allclose(value, value_of(last), rtol=1e-5)
    expected = central_difference(value_of, last)
    np.testing.assert_allclose(gradient["last"], expected, rtol=1e-4, atol=1e-6)
    assert value == mean_selectivity(activations, labels, num_classes, layers=layers, where=where)


@pytest.mark.parametrize("name", ["stem", "block"])
def test_gradient_matches_finite_differences(name):
    activations, labels, num_classes, where = random_batch()

    def value(layer):
        changed = {**activations, name: layer}
        return reference.mean_selectivity(changed, labels, num_classes, where=where)

    _, gradient = mean_selectivity_and_grad(activations, labels, num_classes, where=where)
    expected = central_difference(value, activations[name])
    np.testing.assert_allclose(gradient[name], expected, rtol=1e-4, atol=1e-6)
    by_autodiff = jax.grad(mean_selectivity)(activations, labels, num_classes, where=where)
    np.testing.assert_allclose(by_autodiff[name], expected, rtol=1e-4, atol=1e-6)


def test_index_gradient_matches_finite_differences():
    means = np.random.default_rng(3).uniform(0, 2, (5, 4)).astype(np.float32)
    present = np.array([True, True, False, True, True])
    weights = np.array([1.0, -2, 3, 0.5])
    gradient = jax.grad(lambda m: class_selectivity_index(m, jnp.asarray(present)) @ weights)(means)
    expected = central_difference(
        lambda m: reference.class_selectivity_index(m, present) @ weights, means
    )
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def nothing_to_tell(case):
    activations, labels, num_classes, where = random_batch()
    if case == "dead units":
        activations = {name: 0 * layer for name, layer in activations.items()}
    elif case == "equal means":
        activations = {name: 0 * layer + 0.75 for name, layer in activations.items()}
    elif case == "one class":
        labels = np.full_like(labels, 3)
    elif case == "one class by the mask":
        where = np.arange(8) == 1
    elif case == "empty batch":
        where = np.zeros(8, bool)
    elif case == "no samples":
        activations = {name: layer[:0] for name, layer in activations.items()}
        labels, where = labels[:0], where[:0]
    elif case == "labels of no class":
        labels = np.array([-1, 6, 7, 1000, -5, -1, 6, 6], np.int32)
    return activations, labels, num_classes, where


@pytest.mark.parametrize(
    "case",
    [
        "dead units",
        "equal means",
        "one class",
        "one class by the mask",
        "empty batch",
        "no samples",
        "labels of no class",
    ],
)
def test_index_and_gradient_are_zero_where_nothing_tells_classes_apart(case):
    activations, labels, num_classes, where = nothing_to_tell(case)
    value, gradient = jax.jit(mean_selectivity_and_grad, static_argnums=2)(
        activations, labels, num_classes, where=where
    )
    assert value == 0
    for name, layer in gradient.items():
        np.testing.assert_array_equal(layer, np.zeros(activations[name].shape))


def test_a_dead_unit_beside_living_ones_leaves_their_gradient_alone():
    activations, labels, num_classes, where = random_batch()
    activations["block"][:, 0] = 0
    _, gradient = mean_selectivity_and_grad(activations, labels, num_classes, where=where)
    np.testing.assert_array_equal(gradient["block"][:, 0], 0)
    expected = central_difference(
        lambda unit: reference.mean_selectivity(
            {**activations, "block": np.column_stack([np.zeros(8), unit])},
            labels,
            num_classes,
            where=where,
        ),
        activations["block"][:, 1],
    )
    np.testing.assert_allclose(gradient["block"][:, 1], expected, rtol=1e-4, atol=1e-6)


@given(labelled_responses())
def test_index_is_in_the_unit_interval_and_its_gradient_finite(batch):
    responses, labels, num_classes, where = batch
    value_and_grad = jax.jit(mean_selectivity_and_grad, static_argnums=2)
    value, gradient = value_and_grad(responses, labels, num_classes, where=where)
    assert 0 <= value <= 1
    assert np.all(np.isfinite(gradient))


def sharded_batch():
    """Four devices of two samples; two devices see one class only, and one nothing at all."""
    generator = np.random.default_rng(5)
    activations = {
        "stem": generator.uniform(0.1, 2, (8, 2, 2, 3)).astype(np.float32),
        "block": generator.uniform(0.1, 2, (8, 4)).astype(np.float32),
    }
    labels = np.array([0, 0, 1, 2, 0, 3, 3, 1], np.int32)
    where = np.array([1, 1, 1, 1, 1, 0, 0, 0], bool)
    return activations, labels, where


def split_over_devices(tree):
    return jax.tree.map(lambda leaf: leaf.reshape(4, 2, *leaf.shape[1:]), tree)


def on_one_device_each(function, transform, devices):
    """Apply a function of a batch's slice to each of four slices, under a named axis."""
    batch = sharded_batch()
    if transform == "vmap":
        mapped = jax.vmap(function, axis_name="devices")
        values, slices = mapped(*split_over_devices(batch))
    elif transform == "pmap":
        mapped = jax.pmap(function, axis_name="devices", devices=devices)
        values, slices = mapped(*split_over_devices(batch))
    else:
        split = PartitionSpec("devices")
        mapped = jax.shard_map(
            lambda *shard: jax.tree.map(lambda leaf: leaf[None], function(*shard)),
            mesh=Mesh(np.array(devices), "devices"),
            in_specs=split,
            out_specs=split,
            check_vma=transform == "shard_map",
        )
        values, slices = jax.jit(mapped)(*batch)
        slices = split_over_devices(
            jax.tree.map(lambda leaf: leaf.reshape(8, *leaf.shape[2:]), slices)
        )
    return values, slices


@pytest.mark.slow
@pytest.mark.parametrize("transform", ["vmap", "pmap", "shard_map", "shard_map without vma"])
def test_devices_share_value_and_gradient_of_the_whole_batch(transform, four_devices):
    activations, labels, where = sharded_batch()
    function = functools.partial(mean_selectivity_and_grad, axis_name="devices")
    values, slices = on_one_device_each(
        lambda a, own, mask: function(a, own, 5, where=mask), transform, four_devices
    )
    value, gradient = mean_selectivity_and_grad(activations, labels, 5, where=where)
    expected = reference.mean_selectivity(activations, labels, 5, where=where)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(values, np.full(4, expected), rtol=1e-5)
    for name, layer in split_over_devices(gradient).items():
        np.testing.assert_allclose(slices[name], layer, rtol=1e-4, atol=1e-7)
        assert np.any(layer != 0)


@pytest.mark.parametrize(
    "transform", ["vmap", "pmap", pytest.param("shard_map", marks=pytest.mark.slow)]
)
def test_devices_share_the_index_of_the_whole_batch(transform, four_devices):
    def indices_and_mean(activations, labels, where):
        options = {"where": where, "axis_name": "devices"}
        by_layer = layer_selectivity(activations, labels, 5, **options)
        return mean_selectivity(activations, labels, 5, **options), by_layer

    activations, labels, where = sharded_batch()
    batch = split_over_devices((activations, labels, where))
    if transform == "vmap":
        values, by_layer = jax.vmap(indices_and_mean, axis_name="devices")(*batch)
    elif transform == "pmap":
        values, by_layer = jax.pmap(indices_and_mean, "devices", devices=four_devices)(*batch)
    else:
        # An output without the axis must be known to be the same on all devices: psum makes it so.
        values, by_layer = jax.shard_map(
            indices_and_mean,
            mesh=Mesh(np.array(four_devices), "devices"),
            in_specs=PartitionSpec("devices"),
            out_specs=PartitionSpec(),
        )(activations, labels, where)
        values, by_layer = jax.tree.map(lambda leaf: leaf[None], (values, by_layer))
    expected = reference.layer_selectivity(activations, labels, 5, where)
    for name in expected:
        for device in by_layer[name]:
            np.testing.assert_allclose(device, expected[name], rtol=1e-4, atol=1e-6)
    mean = reference.mean_selectivity(activations, labels, 5, where=where)
    np.testing.assert_allclose(values, np.full(values.shape, mean), rtol=1e-5)


def test_vmap_over_models_equals_a_loop():
    activations, labels, num_classes, where = random_batch()
    models = np.stack([activations["stem"], activations["stem"][::-1], 0 * activations["stem"]])

    def one(layer):
        return mean_selectivity_and_grad(layer, labels, num_classes, where=where)

    values, gradients = jax.vmap(one)(models)
    for value, gradient, model in zip(values, gradients, models, strict=True):
        expected_value, expected_gradient = one(model)
        np.testing.assert_allclose(value, expected_value, rtol=1e-6)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-8)


def test_labels_and_masks_are_traced():
    activations, labels, num_classes, where = random_batch()
    traces = []

    @jax.jit
    def value(activations, labels, where):
        traces.append(None)
        return mean_selectivity(activations, labels, num_classes, where=where)

    value(activations, labels, where)
    value(activations, labels[::-1].copy(), ~where)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": np.zeros(8, np.float32)}, TypeError, "labels"),
        ({"labels": np.zeros(7, np.int32)}, ValueError, "labels"),
        ({"labels": np.zeros((8, 1), np.int32)}, ValueError, "labels"),
        ({"where": np.ones(7, bool)}, ValueError, "where"),
        ({"where": np.ones((8, 1), bool)}, ValueError, "where"),
        ({"layers": ["stam"]}, ValueError, "stam.*stem"),
        ({"layers": [["stem", "blok"]]}, ValueError, "blok.*block"),
        ({"layers": ["stem", "stem"]}, ValueError, "'stem' more than once; give each layer once"),
        ({"layers": [["stem"], ["block", "stem"]]}, ValueError, "'stem' more than once"),
        ({"layers": [["stem"], []]}, ValueError, "empty group.*omit it"),
        ({"layers": {}}, ValueError, "non-empty"),
        ({"layers": "stem"}, ValueError, "non-empty sequence of names, not 'stem'"),
        ({"activations": np.zeros(8, np.float32)}, ValueError, "activations"),
        ({"activations": {"a": np.zeros((8, 2)), "b": np.zeros((7, 2))}}, ValueError, "b|labels"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    activations, labels, num_classes, where = random_batch()
    arguments = {"activations": activations, "labels": labels, "where": where, **change}
    with pytest.raises(error, match=message):
        mean_selectivity(num_classes=num_classes, **arguments)
    with pytest.raises(error, match=message):
        mean_selectivity_and_grad(num_classes=num_classes, **arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"responses": np.zeros((4, 2, 2, 3), np.float32)}, ValueError, "responses"),
        ({"responses": np.zeros((4, 2), np.float32)}, ValueError, "responses"),
        ({"labels": np.zeros(4, np.float32)}, TypeError, "labels"),
        ({"labels": np.zeros(3, np.int32)}, ValueError, "labels"),
        ({"where": np.ones(3, bool)}, ValueError, "where"),
    ],
)
def test_bad_arguments_of_an_update_are_named(change, error, message):
    arguments = {"responses": np.zeros((4, 3), np.float32), "labels": np.zeros(4, np.int32)}
    with pytest.raises(error, match=message):
        update_class_moments(init_class_moments(5, 3), **{**arguments, **change})


@pytest.mark.parametrize(
    ("means", "present", "message"),
    [
        (np.zeros(4, np.float32), None, "means"),
        (np.zeros((4, 3), np.float32), np.ones(3, bool), "present"),
    ],
)
def test_bad_arguments_of_the_index_are_named(means, present, message):
    with pytest.raises(ValueError, match=message):
        class_selectivity_index(means, present)


def test_eps_must_be_finite():
    with pytest.raises(ValueError, match="eps must be finite"):
        class_selectivity_index(np.ones((2, 2), np.float32), eps=np.nan)
