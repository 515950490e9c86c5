"""All accumulators work alike: init, update, merge and merge over devices, by names of one form."""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

import selectax

GENERATOR = np.random.default_rng(0)
# Multiples of 1/8, whose squares are exact; one unit is far from 0, where sums of squares cancel.
RESPONSES = np.round(8 * GENERATOR.gamma(1, size=(8, 3))) / 8 + np.array([0, 1, 100])
RESPONSES = RESPONSES.astype(np.float32)
LABELS = np.array([0, 0, 1, 2, 0, 2, 2, 1], np.int32)
WHERE = np.array([1, 1, 1, 1, 1, 0, 0, 0], bool)  # the last of four devices counts nothing


class Accumulator(NamedTuple):
    """One accumulator: its initial state, and the arguments of its update."""

    state: type
    init: Callable[[], Any]
    arguments: Callable[..., tuple]

    @property
    def name(self) -> str:
        words = re.findall("[A-Z][a-z]+", self.state.__name__)
        return "_".join(words).lower()

    def function(self, form: str) -> Callable:
        return getattr(selectax, form.format(self.name))

    def updated(self, state, responses, labels, where):
        arguments = self.arguments(responses, labels)
        return self.function("update_{}")(state, *arguments, where=where)


def masked_logits(images, masks):
    return images * masks["units"]


ACCUMULATORS = [
    Accumulator(
        selectax.ClassMoments,
        lambda: selectax.init_class_moments(3, 3),
        lambda responses, labels: (responses, labels),
    ),
    Accumulator(
        selectax.ClassStatistics,
        lambda: selectax.init_class_statistics(3, 3),
        lambda responses, labels: (responses, labels),
    ),
    Accumulator(
        selectax.Covariance,
        lambda: selectax.init_covariance(3),
        lambda responses, labels: (responses,),
    ),
    Accumulator(
        selectax.JointCovariance,
        lambda: selectax.init_joint_covariance(1, 2),
        lambda responses, labels: (responses[:, :1], responses[:, 1:]),
    ),
    Accumulator(
        selectax.NormMoments,
        lambda: selectax.init_norm_moments(3),
        lambda responses, labels: (selectax.InputGradientNorms(responses, responses**2),),
    ),
    Accumulator(
        selectax.StrongestResponses,
        lambda: selectax.init_strongest_responses(4, 3),
        lambda responses, labels: (responses, labels),
    ),
    Accumulator(
        selectax.CorrectCounts,
        lambda: selectax.init_correct_counts(3),
        lambda responses, labels: (
            masked_logits,
            {"units": selectax.single_unit_masks(3)},
            responses,
            labels,
        ),
    ),
]
each_accumulator = pytest.mark.parametrize(
    "accumulator", ACCUMULATORS, ids=lambda accumulator: accumulator.name
)


@functools.cache
def one_pass(accumulator):
    return jax.jit(accumulator.updated)(accumulator.init(), RESPONSES, LABELS, WHERE)


def on_four_devices(array):
    return array.reshape(4, 2, *array.shape[1:])


def assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
        assert one.dtype == other.dtype


def test_no_accumulator_is_left_out():
    inits = {name for name in selectax.__all__ if name.startswith("init_")}
    assert inits == {f"init_{accumulator.name}" for accumulator in ACCUMULATORS}


@each_accumulator
def test_merging_is_associative_and_equals_one_pass(accumulator):
    update, merge = jax.jit(accumulator.updated), jax.jit(accumulator.function("merge_{}"))
    parts = [
        update(accumulator.init(), *piece)
        for piece in zip(*(np.split(a, 4) for a in (RESPONSES, LABELS, WHERE)), strict=True)
    ]
    from_the_left = merge(merge(merge(parts[0], parts[1]), parts[2]), parts[3])
    in_pairs = merge(merge(parts[0], parts[1]), merge(parts[2], parts[3]))
    from_the_right = merge(parts[0], merge(parts[1], merge(parts[2], parts[3])))
    for merged in (from_the_left, in_pairs, from_the_right):
        assert_same(merged, one_pass(accumulator))
    assert_same(merge(accumulator.init(), parts[0]), parts[0])


@each_accumulator
@pytest.mark.parametrize("transform", ["vmap", "pmap", "shard_map"])
def test_merging_over_devices_equals_one_pass(accumulator, transform, four_devices):
    def local(responses, labels, where):
        state = accumulator.updated(accumulator.init(), responses, labels, where)
        return accumulator.function("merge_{}_over_devices")(state, "devices")

    batch = RESPONSES, LABELS, WHERE
    if transform == "shard_map":
        # Without an axis in out_specs, JAX checks that all devices get the same.
        mapped = jax.shard_map(
            local,
            mesh=Mesh(np.array(four_devices), "devices"),
            in_specs=PartitionSpec("devices"),
            out_specs=PartitionSpec(),
        )
        states = [jax.jit(mapped)(*batch)]
    else:
        if transform == "vmap":
            mapped = jax.jit(jax.vmap(local, axis_name="devices"))
        else:
            mapped = jax.pmap(local, axis_name="devices", devices=four_devices)
        stacked = mapped(*map(on_four_devices, batch))
        states = [jax.tree.map(lambda leaf, at=at: leaf[at], stacked) for at in range(4)]
    for state in states:
        assert_same(state, one_pass(accumulator))


@each_accumulator
def test_states_of_other_shapes_do_not_merge(accumulator):
    state = accumulator.init()
    wider = jax.tree.map(
        lambda leaf: jnp.concatenate([leaf, leaf], -1) if leaf.ndim else leaf, state
    )
    with pytest.raises(ValueError, match="a and b differ in"):
        accumulator.function("merge_{}")(state, wider)


@each_accumulator
def test_what_is_no_state_does_not_merge(accumulator):
    state = accumulator.init()
    for pair, name in (((state, {}), "b"), ((None, state), "a")):
        with pytest.raises(TypeError, match=f"^{name} must be {accumulator.state.__name__}, not "):
            accumulator.function("merge_{}")(*pair)


@each_accumulator
def test_what_is_no_state_is_not_updated(accumulator):
    for state in ({}, None, RESPONSES):
        with pytest.raises(TypeError, match=f" must be {accumulator.state.__name__}, not "):
            accumulator.updated(state, RESPONSES, LABELS, WHERE)
