"""A second plain call of a public function, with other values, compiles nothing.

"Plain" means outside of `jax.jit`, as in a notebook.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import selectax
from tests.all_measures.test_not_finite import CASES, floating_leaves
from tests.attacks.contract.test_undefined import MEASURES, WEIGHTS
from tests.compiling import counted_compilations


def scaled(make, factor):
    """The arguments, with all floating-point numbers multiplied by a factor."""
    leaves, structure, places = floating_leaves(tuple(one() for one in make))
    for place in places:
        leaves[place] = (factor * leaves[place]).astype(leaves[place].dtype)
    return jax.tree.unflatten(structure, leaves)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_second_call_of_a_measure_compiles_nothing(name):
    function, makers = CASES[name]
    one, other = scaled(makers, 1), scaled(makers, 0.9)
    jax.block_until_ready(function(*one))
    with counted_compilations() as compiled:
        jax.block_until_ready(function(*other))
    assert compiled == []


RESPONSES = np.random.default_rng(0).random((13, 2, 7)).astype(np.float32)
CLASSES = (np.arange(13) % 3).astype(np.int32)
CALLS = {
    "mean_selectivity": lambda: selectax.mean_selectivity_and_grad([RESPONSES], CLASSES, 3),
    "d_prime": lambda: selectax.d_prime(
        selectax.update_class_statistics(
            selectax.init_class_statistics(3, 7), RESPONSES[:, 0], CLASSES
        )
    ),
    "effective_rank": lambda: selectax.effective_rank(
        selectax.principal_variances(RESPONSES[:, 0])
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_first_call_compiles_few_programs(name):
    """One for each function, and a few for constants and conversions."""
    jax.clear_caches()
    with counted_compilations() as compiled:
        jax.block_until_ready(CALLS[name]())
    assert len(compiled) <= 12


IMAGES = np.random.default_rng(1).uniform(0.3, 0.7, (3, 2, 1, 1)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_a_second_call_of_an_attack_compiles_nothing(name):
    def call(weights, images, epsilon):
        def logits_fn(images):
            return images.reshape(3, 2) @ weights

        return jax.block_until_ready(MEASURES[name](logits_fn, images, jnp.float32(epsilon)))

    call(jnp.asarray(WEIGHTS), jnp.asarray(IMAGES), 0.01)
    other = jnp.asarray(1.1 * WEIGHTS), jnp.asarray(0.9 * IMAGES), 0.02
    with counted_compilations() as compiled:
        call(*other)
    assert compiled == []
