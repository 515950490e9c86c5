"""The functions of a Flax module: equal for equal modules, and in agreement with the module."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import models
from selectax.models.convolution import convolution, patch_convolution
from selectax.models.layers import Convolution, normalization
from selectax.models.network import convolving_by
from tests.study.tiny import TinyNetwork

IMAGES = jax.random.uniform(jax.random.key(1), (4, 4, 4, 3))


class Normalized(nn.Module):
    """A convolution of ours and a batch norm, with the fields of the networks of the table."""

    num_classes: int = 3
    axis_name: str | None = None
    convolve: object = convolution

    @nn.compact
    def __call__(self, images, train=False, masks=None):
        """Logits and activations."""
        maps = Convolution(self.num_classes, 1, self.convolve, name="layer")(images)
        maps = normalization(train, self.axis_name, "norm")(maps)
        return maps.mean((1, 2)), {"layer": maps}


@pytest.fixture(scope="module")
def normalized():
    module = Normalized()
    return module, module.init(jax.random.key(0), IMAGES)


def assert_equal(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_equal_modules_give_equal_networks():
    networks = [models.of_module(models.create("resnet8", 3)) for _ in range(2)]
    assert networks[0] == networks[1]
    assert hash(networks[0]) == hash(networks[1])
    assert networks[0].apply == networks[1].apply
    assert networks[0] != models.of_module(models.create("resnet8", 4))


def test_equal_functions_are_compiled_once():
    compiled = jax.jit(lambda apply, variables: apply(variables, IMAGES), static_argnums=0)
    variables = TinyNetwork().init(jax.random.key(0), IMAGES)
    for _ in range(2):
        compiled(models.of_module(TinyNetwork()).apply, variables)
    assert compiled._cache_size() == 1


def test_another_convolution_gives_the_same_outputs(normalized):
    module, variables = normalized
    network = models.of_module(module)
    by_patches = convolving_by(network, patch_convolution)
    assert by_patches != network
    expected, found = network.apply(variables, IMAGES), by_patches.apply(variables, IMAGES)
    jax.tree.map(
        lambda *pair: np.testing.assert_allclose(*pair, rtol=1e-5, atol=1e-6), found, expected
    )


def test_a_network_without_our_convolutions_has_no_other():
    assert convolving_by(models.of_module(TinyNetwork()), patch_convolution) is None
    plain = models.Network(lambda key, images: {}, lambda variables, images: None)
    assert convolving_by(plain, patch_convolution) is None


def test_functions_agree_with_a_module_without_state():
    module, network = TinyNetwork(), models.of_module(TinyNetwork())
    variables = module.init(jax.random.key(0), IMAGES)
    assert_equal(network.init(jax.random.key(0), IMAGES), variables)
    expected = module.apply(variables, IMAGES)
    assert_equal(network.apply(variables, IMAGES), expected)
    assert_equal(network.forward(variables, IMAGES), expected)
    outputs, state = network.train(variables, IMAGES, None)
    assert_equal(outputs, expected)
    assert not state


def test_training_returns_the_new_statistics(normalized):
    module, variables = normalized
    outputs, state = models.of_module(module).train(variables, IMAGES, None)
    expected, expected_state = module.apply(variables, IMAGES, train=True, mutable=["batch_stats"])
    assert_equal(outputs, expected)
    assert_equal(state, expected_state)
    assert set(state) == {"batch_stats"}
    mean = state["batch_stats"]["norm"]["mean"]
    assert np.any(mean != variables["batch_stats"]["norm"]["mean"])


def test_statistics_are_taken_over_the_devices_of_an_axis(normalized):
    """Two halves of a batch on a mapped axis give the statistics of the whole batch."""
    module, variables = normalized
    network = models.of_module(module)
    _, of_whole = network.train(variables, IMAGES, None)
    halves = IMAGES.reshape(2, 2, *IMAGES.shape[1:])
    _, of_halves = jax.vmap(
        lambda images: network.train(variables, images, "devices"), axis_name="devices"
    )(halves)
    for found, expected in zip(jax.tree.leaves(of_halves), jax.tree.leaves(of_whole), strict=True):
        np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found[0], found[1])


def test_masked_units_are_off():
    module = TinyNetwork()
    variables = module.init(jax.random.key(0), IMAGES)
    masks = {"first": jnp.arange(5) != 2, "second": jnp.ones(4, bool)}
    found = models.of_module(module).masked(variables, IMAGES, masks)
    assert_equal(found, module.apply(variables, IMAGES, masks=masks))
    assert np.all(found[1]["first"][..., 2] == 0)


def test_forward_mode_differentiates_the_same_function(normalized):
    module, variables = normalized
    network = models.of_module(module)
    tangent = jax.random.normal(jax.random.key(2), IMAGES.shape)

    def along(images):
        return jax.jvp(lambda x: network.forward(variables, x)[0].sum(), (images,), (tangent,))

    value, slope = along(IMAGES)
    np.testing.assert_allclose(value, network.apply(variables, IMAGES)[0].sum(), rtol=1e-5)
    gradient = jax.grad(lambda x: network.apply(variables, x)[0].sum())(IMAGES)
    np.testing.assert_allclose(slope, jnp.vdot(gradient, tangent), rtol=1e-3)
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda x: network.apply(variables, x)[0].sum(), (IMAGES,), (tangent,))


def test_a_dtype_is_that_of_the_feature_maps():
    module = models.create("resnet8", 3)
    network = models.of_module(module, "bfloat16")
    variables = jax.eval_shape(network.init, jax.random.key(0), IMAGES)
    logits, activations = jax.eval_shape(network.apply, variables, IMAGES)
    assert {layer.dtype for layer in activations.values()} == {jnp.dtype("bfloat16")}
    assert logits.dtype == jnp.float32
    assert network == models.of_module(models.create("resnet8", 3, dtype=jnp.dtype("bfloat16")))
