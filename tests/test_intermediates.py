"""Captured intermediates become activations: their names, their order, their calls."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from selectax.intermediates import activations_from_intermediates


class Twice(nn.Module):
    @nn.compact
    def __call__(self, x):
        dense = nn.Dense(x.shape[-1])
        return nn.relu(dense(nn.relu(dense(x))))


class Network(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = Twice(name="zeta")(nn.Conv(3, (1, 1), name="stem")(x))
        self.sow("intermediates", "after_relu", nn.relu(x))
        return nn.Dense(2, name="alpha")(x.mean(axis=(1, 2)))


@pytest.fixture(scope="module")
def captured():
    network, images = Network(), jnp.ones((4, 2, 2, 1))
    variables = network.init(jax.random.key(0), images)
    return network.apply({"params": variables["params"]}, images, capture_intermediates=True)[1][
        "intermediates"
    ]


def test_names_and_order_are_those_of_the_calls(captured):
    activations = activations_from_intermediates(captured)
    assert list(activations) == [
        *("stem", "zeta/Dense_0", "zeta/Dense_0:1", "zeta", "after_relu", "alpha"),
    ]
    assert activations["zeta"].shape == (4, 2, 2, 3)
    assert activations["alpha"] is captured["alpha"]["__call__"][0]
    assert activations["zeta/Dense_0:1"] is captured["zeta"]["Dense_0"]["__call__"][1]


def test_layers_choose_and_order(captured):
    activations = activations_from_intermediates(captured, layers=["zeta", "after_relu", "stem"])
    assert list(activations) == ["zeta", "after_relu", "stem"]
    sorted_by_jit = jax.jit(lambda captured: captured)(captured)
    again = activations_from_intermediates(sorted_by_jit, layers=list(activations))
    assert list(again) == list(activations)


def test_an_unknown_layer_is_named(captured):
    with pytest.raises(ValueError, match="layers names 'stam', which is not among stem, zeta/D"):
        activations_from_intermediates(captured, layers=["stam"])


class Sown(nnx.Module):
    def __init__(self, rngs):
        self.blocks = nnx.List([nnx.Linear(2, 3, rngs=rngs)])

    def __call__(self, x):
        self.sow(nnx.Intermediate, "relu", nnx.relu(self.blocks[0](x)))
        return x


def test_the_state_of_nnx_is_taken_as_its_pure_dict():
    _, state = nnx.capture(Sown(nnx.Rngs(0)), nnx.Intermediate)(jnp.ones((4, 2)))
    activations = activations_from_intermediates(state)
    assert list(activations) == ["relu"]
    assert activations["relu"].shape == (4, 3)
    assert list(activations_from_intermediates(nnx.to_pure_dict(state))) == ["relu"]


def test_lists_of_modules_and_of_calls_are_numbered():
    layer = jnp.ones((4, 3))
    nested = {"blocks": [{"relu": [layer, layer]}, {"relu": layer}]}
    assert list(activations_from_intermediates(nested)) == [
        *("blocks/0/relu", "blocks/0/relu:1", "blocks/1/relu"),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (jnp.ones((4, 3)), "intermediates must be a dict"),
        ([jnp.ones((4, 3))], "intermediates must be a dict .* not a list"),
        (None, "intermediates must be a dict .* not None"),
        ({}, "hold no layer"),
        ({"__call__": (jnp.ones((4, 3)),)}, "hold no layer"),
        ({"a": {"b": None}}, r"intermediates\['a/b'\] must be an array, not None"),
    ],
)
def test_what_holds_no_layers_is_refused(given, message):
    with pytest.raises((TypeError, ValueError), match=message):
        activations_from_intermediates(given)
