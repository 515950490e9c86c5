"""Programs are found again by their text, so that values never get mixed up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.numerics.compiled import run_compiled
from tests.compiling import counted_compilations


def scaled_sum(scale, values, number=1.0):
    return run_compiled(lambda values: {"sum": jnp.sum(scale * values) + number}, values)


def test_the_result_is_that_of_the_function():
    found = scaled_sum(jnp.float32(2), np.arange(3, dtype=np.float32))
    assert found["sum"] == 7


def test_a_closed_over_array_may_change_without_compiling():
    values = jnp.arange(4.0)
    scaled_sum(jnp.float32(2), values)
    with counted_compilations() as compiled:
        results = [float(scaled_sum(jnp.float32(scale), values)["sum"]) for scale in (2, 3, -1)]
    assert results == [13, 19, -5]
    assert compiled == []


def test_a_closed_over_number_is_not_mixed_up():
    values = jnp.arange(4.0)
    assert [float(scaled_sum(jnp.float32(1), values, number)["sum"]) for number in (1, 2)] == [7, 8]


def test_functions_that_call_back_into_python_are_not_mixed_up():
    shape = jax.ShapeDtypeStruct((), jnp.float32)

    def through_python(factor):
        return run_compiled(
            lambda x: jax.pure_callback(lambda x: np.float32(factor * x), shape, x), 2.0
        )

    assert [float(through_python(factor)) for factor in (3, 5)] == [6, 10]


def test_a_function_that_is_kept_sees_weights_that_were_replaced():
    weights = {"scale": jnp.float32(1)}

    def call(values):
        return run_compiled(lambda values: weights["scale"] * values, values)

    before = call(jnp.float32(5))
    weights["scale"] = jnp.float32(3)
    assert (float(before), float(call(jnp.float32(5)))) == (5, 15)


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad])
def test_a_traced_call_is_part_of_the_outer_program(transform):
    def plain(x):
        return jnp.sum(x**2)

    def wrapped(x):
        return run_compiled(lambda: plain(x))

    x = jnp.float32(3) if transform is jax.grad else jnp.arange(3.0)
    np.testing.assert_array_equal(transform(wrapped)(x), transform(plain)(x))


def test_devices_do_not_share_a_program():
    values = jnp.arange(3.0)
    there = jax.device_put(values, jax.devices()[-1])
    assert run_compiled(lambda x: x + 1, values).devices() == values.devices()
    assert run_compiled(lambda x: x + 1, there).devices() == there.devices()


def test_nothing_is_compiled_if_jit_is_disabled():
    with jax.disable_jit():
        assert run_compiled(lambda x: float(x) + 1, jnp.float32(1)) == 2
