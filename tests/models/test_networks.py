"""The table of networks: what each entry makes, and what `create` refuses."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from selectax import models
from selectax.models.networks import DEVIATION, MEAN


def shapes(name, size, **options):
    module = models.create(name, 10, **options)
    images = jnp.zeros((2, size, size, 3))
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    return variables, jax.eval_shape(module.apply, variables, images)


def test_the_names_are_those_of_the_table_in_order():
    assert tuple(models.NETWORKS) == models.MODELS
    assert models.MODELS[:6] == (
        *("resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "resnet18"),
    )
    assert [network.name for network in models.NETWORKS.values()] == [*models.NETWORKS]
    assert all(network.help for network in models.NETWORKS.values())


@pytest.mark.parametrize("name", ["resnet8", "resnet10_quarter", "resnet18_cifar", "vgg16"])
def test_the_smallest_images_leave_a_position_in_every_layer(name):
    _, (logits, activations) = shapes(name, models.NETWORKS[name].smallest_image)
    assert logits.shape == (2, 10)
    assert all(layer.shape[1] >= 1 for layer in activations.values())
    deepest = [*activations.values()][-1]
    assert deepest.shape[1] == (2 if name == "vgg16" else 1)


@pytest.mark.parametrize("name", ["resnet8", "resnet10_quarter", "vgg16"])
@pytest.mark.parametrize(("channels", "values"), [(1, 3), (3, 1)])
def test_images_are_not_broadcast_to_the_channels_of_the_mean(name, channels, values):
    module = models.create(name, 10, mean=[0.5] * values, deviation=[0.25] * values)
    images = jnp.zeros((2, 32, 32, channels))
    with pytest.raises(ValueError, match=rf"^mean .* deviation .* {values} channels.*{channels}\)"):
        jax.eval_shape(module.init, jax.random.key(0), images)
    variables, _ = shapes(name, 32)
    colour = models.create(name, 10)
    with pytest.raises(ValueError, match=r"3 channels, .* of shape \(2, 32, 32, 1\)"):
        jax.eval_shape(colour.apply, variables, images[..., :1])


def test_grey_images_have_a_mean_of_their_own():
    module = models.create("resnet8", 10, mean=[0.5], deviation=[0.25])
    images = jnp.zeros((2, 28, 28, 1))
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    assert variables["params"]["stage0_stem_convolution"]["kernel"].shape == (3, 3, 1, 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", models.NETWORKS)
def test_sorted_names_of_layers_are_in_order_of_depth(name):
    """JAX sorts the entries of a dict, and the order must stay that of the computation."""
    module, size = models.create(name, 10), models.NETWORKS[name].smallest_image
    computed = []

    def order(images):
        _, activations = module.apply(module.init(jax.random.key(0), images), images)
        computed.extend(activations)

    jax.eval_shape(order, jnp.zeros((1, size, size, 3)))
    assert computed == sorted(computed)


@pytest.mark.parametrize("name", ["resnet8", "resnet8_b", "resnet10_quarter", "vgg16"])
def test_each_layer_with_weights_has_a_name_in_pytorch(name):
    variables, _ = shapes(name, 32)
    pairs = list(models.NETWORKS[name].torch_layers(models.create(name, 10)))
    ours = [ours for ours, _ in pairs]
    assert {*ours, "logits"} == set(variables["params"])
    assert len({theirs for _, theirs in pairs}) == len(pairs) == len(set(ours))


def test_a_network_of_ones_own_is_made_by_name(monkeypatch):
    made = []
    own = models.Architecture(
        "own", "a network for this test", lambda **fields: made.append(fields)
    )
    monkeypatch.setitem(models.NETWORKS, "own", own)
    models.create("own", 3)
    fields = {"mean": MEAN, "deviation": DEVIATION, "axis_name": None, "dtype": None}
    assert made == [{"num_classes": 3, **fields}]
    with pytest.raises(ValueError, match=r"own has no form with a max-pool.*resnet18"):
        models.create("own", 3, max_pool=True)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'resnet21' is unknown.*'resnet20'"):
        models.create("resnet21", 10)
    with pytest.raises(ValueError, match="num_classes"):
        models.create("resnet20", 0)


def test_the_table_is_read_without_flax():
    program = """
import sys
from selectax.models import NETWORKS
assert NETWORKS["resnet8"].help
assert not {"jax", "flax", "numpy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
