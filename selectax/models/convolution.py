"""Convolution whose gradient stays fast on the CPU, inside compiled loops too.

XLA's CPU backend runs a forward convolution at full speed everywhere, but those that automatic
differentiation makes of it fall off the fast path, inside `lax.scan` by a factor of 30. Here the
input gradient is a forward convolution and the weight gradient a matrix product per few images. On
TPU and GPU both are the native ones.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Images whose patches are multiplied at a time: few enough for the patches to stay in the cache,
# but of small maps as many as give these positions, for each product is as large as the kernel.
_CHUNK = 8
_CHUNK_POSITIONS = 1024


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolution(
    images: Float[Array, "samples height width channels"],
    kernel: Float[Array, "kernel_height kernel_width channels features"],
    stride: int = 1,
) -> Float[Array, "samples out_height out_width features"]:
    """Cross-correlation with zeros of half a kernel's size around the images, as in PyTorch.

    Its derivative is for reverse mode only; for forward mode take `native_convolution`.

    Args:
      images: of any height and width.
      kernel: of odd height and width.
      stride: of both dimensions.
    """
    return native_convolution(images, kernel, stride)


def native_convolution(images, kernel, stride=1):
    """The same as `convolution`, differentiated by JAX itself."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:2]]
    return lax.conv_general_dilated(
        images, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _forward(images, kernel, stride):
    return native_convolution(images, kernel, stride), (images, kernel)


def _backward(stride, residuals, gradient):
    def by_forward_operations(images, kernel, gradient):
        return (
            _input_gradient(images.shape, kernel, gradient, stride),
            _kernel_gradient(images, kernel.shape, gradient, stride),
        )

    def by_jax(images, kernel, gradient):
        convolve = functools.partial(native_convolution, stride=stride)
        return jax.vjp(convolve, images, kernel)[1](gradient)

    return lax.platform_dependent(*residuals, gradient, cpu=by_forward_operations, default=by_jax)


convolution.defvjp(_forward, _backward)


def _input_gradient(shape, kernel, gradient, stride):
    """A convolution of the gradient, its stride undone by zeros, with the kernel turned round."""
    padding = [(0, 0, 0)]
    for size, width, out in zip(shape[1:3], kernel.shape[:2], gradient.shape[1:3], strict=True):
        before = width - 1 - width // 2
        padding.append((before, size + width // 2 - (out - 1) * stride - 1, stride - 1))
    spread = lax.pad(gradient, jnp.zeros((), gradient.dtype), [*padding, (0, 0, 0)])
    turned = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    return lax.conv_general_dilated(
        spread, turned, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _kernel_gradient(images, shape, gradient, stride):
    """The gradient times patches of the images, summed over positions and samples."""
    height, width, channels, features = shape
    samples, out_height, out_width = gradient.shape[:3]
    chunk = min(samples, max(_CHUNK, _CHUNK_POSITIONS // (out_height * out_width)))
    missing = -samples % chunk
    around = [(0, missing), (height // 2, height // 2), (width // 2, width // 2), (0, 0)]
    images = jnp.pad(images, around).reshape(-1, chunk, *_padded(images.shape, height, width))
    gradient = jnp.pad(gradient, [(0, missing), (0, 0), (0, 0), (0, 0)])
    gradient = gradient.reshape(-1, chunk * out_height * out_width, features)

    def add_chunk(total, images_and_gradient):
        images, gradient = images_and_gradient
        views = [
            images[:, row : row + (out_height - 1) * stride + 1 : stride][
                :, :, column : column + (out_width - 1) * stride + 1 : stride
            ]
            for row in range(height)
            for column in range(width)
        ]
        patches = jnp.concatenate(views, axis=-1).reshape(-1, height * width * channels)
        # In this order the product is up to half as fast again as patches.T @ gradient.
        product = jnp.matmul(gradient.T, patches, preferred_element_type=total.dtype)
        return total + product, None

    # Like the gradient it varies over the devices of a shard_map.
    none = jnp.zeros_like(
        gradient,
        shape=(features, height * width * channels),
        dtype=jnp.promote_types(gradient.dtype, jnp.float32),
    )
    total, _ = lax.scan(add_chunk, none, (images, gradient))
    return total.T.reshape(shape).astype(gradient.dtype)


def _padded(shape, height, width):
    return shape[1] + 2 * (height // 2), shape[2] + 2 * (width // 2), shape[3]
