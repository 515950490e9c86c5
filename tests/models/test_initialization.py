"""Initial weights have the distribution of Flax's own initializers, and are drawn quickly."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from selectax import models
from tests.compiling import counted_compilations

IMAGES = jnp.zeros((1, 32, 32, 3))
NETWORKS = ("resnet8", "resnet8_b", "resnet10_quarter", "vgg16")
COMPARED = 50_000  # weights of a kernel, from all of it; those of VGG16 have two million


def leaves(variables):
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(variables)}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_kernels_are_kaiming_normal_truncated_at_two_deviations(name):
    module = models.create(name, num_classes=10)
    kernels = {
        path: np.asarray(leaf, np.float64)
        for path, leaf in leaves(module.init(jax.random.key(3), IMAGES)).items()
        if path.endswith("['kernel']")
    }
    assert kernels
    for path, kernel in kernels.items():
        fan_in = math.prod(kernel.shape[:-1])
        standard = stats.truncnorm(-2, 2)
        scale = math.sqrt(2 / fan_in) / standard.std()
        # At this level a correct sampler fails once in ten thousand layers.
        weights = kernel.ravel()[:: max(1, kernel.size // COMPARED)]
        test = stats.kstest(weights / scale, standard.cdf)
        assert test.pvalue > 1e-4, path
        sample_error = 1 / math.sqrt(kernel.size)
        np.testing.assert_allclose(kernel.std(), math.sqrt(2 / fan_in), rtol=4 * sample_error)
        np.testing.assert_allclose(
            kernel.mean(), 0, atol=4 * math.sqrt(2 / fan_in) * sample_error, err_msg=path
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet8_b", "resnet10_quarter"])
def test_variables_are_those_of_flax_but_for_the_draw(name):
    module = models.create(name, num_classes=7)
    ours = module.init(jax.random.key(0), IMAGES)
    flax_own = jax.jit(nn.Module.init, static_argnums=0)(module, jax.random.key(0), IMAGES)
    assert jax.tree.structure(ours) == jax.tree.structure(flax_own)
    for (path, one), other in zip(leaves(ours).items(), leaves(flax_own).values(), strict=True):
        assert (one.shape, one.dtype) == (other.shape, jnp.float32)
        if path.endswith("['kernel']"):
            assert stats.ks_2samp(np.ravel(one), np.ravel(other)).pvalue > 1e-4, path
        else:
            np.testing.assert_array_equal(one, other, err_msg=path)


def test_kernels_are_drawn_independently():
    module = models.create("resnet8", num_classes=10)

    def standardized(seed):
        return np.concatenate(
            [
                np.ravel(leaf) / np.std(leaf)
                for path, leaf in leaves(module.init(jax.random.key(seed), IMAGES)).items()
                if path.endswith("['kernel']")
            ]
        )

    one, other = standardized(0), standardized(1)
    assert len(np.unique(one)) > 0.99 * len(one)
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(len(one))


def test_a_dict_of_keys_and_all_transformations_give_the_same_variables():
    module = models.create("resnet8", num_classes=10)
    key = jax.random.key(5)
    plain = module.init(key, IMAGES)
    for other in (
        module.init({"params": key}, IMAGES, train=True),
        jax.jit(module.init)(key, IMAGES),
        jax.tree.map(lambda leaf: leaf[0], jax.vmap(module.init, (0, None))(key[None], IMAGES)),
    ):
        jax.tree.map(np.testing.assert_array_equal, other, plain)


def test_a_second_network_compiles_nothing():
    models.create("resnet8", num_classes=10).init(jax.random.key(0), IMAGES)
    with counted_compilations() as compiled:
        models.create("resnet8", num_classes=10).init(jax.random.key(1), IMAGES)
    assert compiled == []
