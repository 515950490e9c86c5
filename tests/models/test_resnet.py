"""The residual networks: shapes, names, parameters counted by hand, normalisation inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax import models


def _initialised(name, num_classes=10, **options):
    module = models.create(name, num_classes, **options)
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    return module, variables


@pytest.mark.parametrize(("name", "parameters"), [("resnet8", 75_290), ("resnet20", 269_722)])
def test_number_of_parameters(name, parameters):
    # resnet8: convolutions 432 + 4,608 + 13,824 + 55,296, batch norms 480, logits 650.
    # resnet20: He et al. give 0.27 million; 269,722 is what PyTorch implementations count.
    _, variables = _initialised(name)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == parameters


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet8", "resnet56"])
def test_layers_come_in_order_of_depth_through_a_compiled_function_too(name):
    module, variables = _initialised(name)
    shapes = jax.eval_shape(module.apply, variables, jnp.zeros((2, 32, 32, 3)))[1]
    _, uncompiled = jax.eval_shape(lambda: module.apply(variables, jnp.zeros((2, 32, 32, 3))))
    names = list(shapes)
    assert names == sorted(names) == list(uncompiled)
    blocks = (int(name.removeprefix("resnet")) - 2) // 6
    assert len(names) == 1 + 3 * blocks * 2
    assert [shapes[n].shape[-1] for n in names] == [16] * (1 + 2 * blocks) + [32] * 2 * blocks + [
        64
    ] * 2 * blocks
    assert shapes[names[0]].shape == (2, 32, 32, 16)
    assert shapes[names[-1]].shape == (2, 8, 8, 64)


def test_activations_are_not_negative_and_logits_finite():
    module, variables = _initialised("resnet8")
    logits, activations = module.apply(
        variables, jax.random.uniform(jax.random.key(1), (4, 32, 32, 3))
    )
    assert logits.shape == (4, 10)
    assert bool(jnp.all(jnp.isfinite(logits)))
    assert all(bool(jnp.all(layer >= 0)) for layer in activations.values())


def test_normalisation_happens_inside():
    images = jax.random.uniform(jax.random.key(1), (4, 32, 32, 3))
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    inside, variables = _initialised("resnet8")
    outside = models.create("resnet8", 10, mean=(0, 0, 0), deviation=(1, 1, 1))
    normalised = (np.asarray(images) - mean) / deviation
    np.testing.assert_allclose(
        inside.apply(variables, images)[0],
        outside.apply(variables, jnp.asarray(normalised, jnp.float32))[0],
        rtol=1e-4,
        atol=1e-5,
    )


def test_masks_switch_units_off_before_the_next_layer():
    module, variables = _initialised("resnet8")
    images = jax.random.uniform(jax.random.key(1), (4, 32, 32, 3))
    logits, activations = module.apply(variables, images)
    mask = jnp.arange(16) % 2 == 0
    masked_logits, masked = module.apply(variables, images, masks={"stage1_block1_inner": mask})
    np.testing.assert_array_equal(
        masked["stage1_block1_inner"], activations["stage1_block1_inner"] * mask
    )
    np.testing.assert_array_equal(masked["stage0_stem"], activations["stage0_stem"])
    assert np.any(masked["stage1_block1_sum"] != activations["stage1_block1_sum"])
    assert np.any(masked_logits != logits)
    everything_on = {name: jnp.ones(layer.shape[-1], bool) for name, layer in activations.items()}
    np.testing.assert_array_equal(module.apply(variables, images, masks=everything_on)[0], logits)
    with pytest.raises(ValueError, match=r"masks names .*'stage9'"):
        module.apply(variables, images, masks={"stage9": mask})


def test_the_last_layer_masked_leaves_the_bias_of_the_logits():
    module, variables = _initialised("resnet8")
    images = jax.random.uniform(jax.random.key(1), (4, 32, 32, 3))
    logits, _ = module.apply(variables, images, masks={"stage3_block1_sum": jnp.zeros(64, bool)})
    np.testing.assert_array_equal(logits, np.tile(variables["params"]["logits"]["bias"], (4, 1)))
