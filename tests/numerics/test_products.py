"""Products of matrices are those of NumPy, and ask for all bits on every backend."""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.numerics.products import full_product

LEFT = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
RIGHT = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


def test_it_is_the_product():
    expected = LEFT.astype(np.float64) @ RIGHT.astype(np.float64)
    np.testing.assert_allclose(full_product(LEFT, RIGHT), expected, rtol=1e-5, atol=1e-6)


def test_all_bits_are_asked_for():
    (equation,) = jax.make_jaxpr(full_product)(jnp.asarray(LEFT), jnp.asarray(RIGHT)).eqns[-1:]
    assert set(equation.params["precision"]) == {jax.lax.Precision.HIGHEST}
