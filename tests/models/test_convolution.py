"""The convolution against JAX's own, its gradient against finite differences and JAX's."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.models.convolution import convolution, native_convolution, patch_convolution

SHAPES = [
    (stride, kernel, height, width)
    for stride in (1, 2)
    for kernel in (1, 3, 7)
    for height, width in ((8, 8), (7, 5), (1, 6))
]


def _operands(kernel, height, width, samples=5, dtype=np.float32):
    generator = np.random.default_rng(0)
    images = generator.normal(size=(samples, height, width, 3)).astype(dtype)
    weights = generator.normal(size=(kernel, kernel, 3, 4)).astype(dtype)
    return jnp.asarray(images), jnp.asarray(weights)


@pytest.mark.slow
@pytest.mark.parametrize("form", [convolution, patch_convolution])
@pytest.mark.parametrize(("stride", "kernel", "height", "width"), SHAPES)
def test_gradients_equal_those_of_the_native_convolution(stride, kernel, height, width, form):
    operands = _operands(kernel, height, width)
    out, pull_back = jax.vjp(functools.partial(form, stride=stride), *operands)
    native, native_pull_back = jax.vjp(
        functools.partial(native_convolution, stride=stride), *operands
    )
    np.testing.assert_allclose(out, native, rtol=1e-5, atol=1e-5)
    gradient = jax.random.normal(jax.random.key(1), out.shape)
    for ours, theirs in zip(pull_back(gradient), native_pull_back(gradient), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("stride", "kernel", "height", "width"), SHAPES)
def test_gradients_equal_finite_differences(stride, kernel, height, width):
    with jax.enable_x64(True):
        operands = _operands(kernel, height, width, samples=2, dtype=np.float64)

        def loss(images, weights):
            return jnp.sum(jnp.sin(convolution(images, weights, stride)))

        gradients = jax.grad(loss, argnums=(0, 1))(*operands)
        generator = np.random.default_rng(1)
        for position in (0, 1):
            direction = generator.normal(size=operands[position].shape)
            ahead, behind = list(operands), list(operands)
            ahead[position] = operands[position] + 1e-5 * direction
            behind[position] = operands[position] - 1e-5 * direction
            slope = (loss(*ahead) - loss(*behind)) / 2e-5
            np.testing.assert_allclose(jnp.vdot(gradients[position], direction), slope, rtol=1e-6)


@pytest.mark.parametrize("samples", [1, 7, 16, 60])
def test_gradient_takes_any_number_of_samples(samples):
    operands = _operands(3, 6, 6, samples=samples)
    for ours, theirs in zip(
        jax.grad(lambda *o: jnp.sum(convolution(*o) ** 2), (0, 1))(*operands),
        jax.grad(lambda *o: jnp.sum(native_convolution(*o) ** 2), (0, 1))(*operands),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("form", [convolution, patch_convolution])
def test_gradient_under_vmap_equals_one_model_at_a_time(form):
    images, _ = _operands(3, 6, 6)
    kernels = jax.random.normal(jax.random.key(2), (3, 3, 3, 3, 4))

    def gradient(kernel):
        return jax.grad(lambda kernel: jnp.sum(form(images, kernel, 2) ** 2))(kernel)

    np.testing.assert_allclose(
        jax.vmap(gradient)(kernels), jnp.stack([gradient(k) for k in kernels]), rtol=1e-4, atol=1e-4
    )
