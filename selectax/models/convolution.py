"""Convolution with a gradient that is fast on the CPU, even inside compiled loops.

XLA's CPU backend runs forward convolutions at full speed everywhere. The convolutions that
automatic differentiation derives from them miss its fast path; inside `lax.scan` they are 30 times
slower. This module computes the input gradient as a forward convolution, and the weight gradient
as one matrix product for every few images. On TPU and GPU, it uses JAX's own gradients.

For several networks at a time on a GPU, `patch_convolution` is an alternative.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Number of images whose patches are multiplied at a time. It is small so that the patches stay in
# the cache. Small maps use more images, because each product is as large as the kernel: as many as
# give _CHUNK_POSITIONS positions.
_CHUNK = 8
_CHUNK_POSITIONS = 1024


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolution(
    images: Float[Array, "samples height width channels"],
    kernel: Float[Array, "kernel_height kernel_width channels features"],
    stride: int = 1,
) -> Float[Array, "samples out_height out_width features"]:
    """Cross-correlates images with a kernel, as PyTorch does.

    Images are padded with zeros by half the kernel's size. The function supports reverse-mode
    differentiation only; use `native_convolution` for forward mode.

    Args:
      images: images of any height and width.
      kernel: kernel of odd height and width.
      stride: stride in both dimensions.
    """
    return native_convolution(images, kernel, stride)


def native_convolution(images, kernel, stride=1):
    """Same as `convolution`, but JAX differentiates it."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:2]]
    return lax.conv_general_dilated(
        images, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def patch_convolution(images, kernel, stride=1):
    """Same as `convolution`, as one matrix product with image patches, which JAX differentiates.

    Under `vmap` over networks this makes batched matrix products, not grouped convolutions, for
    which GPUs have no fast algorithm. The patches are kept for the gradient: they take the memory
    of the images times the number of positions in the kernel.
    """
    height, width, _, features = kernel.shape
    out_height, out_width = ((size - 1) // stride + 1 for size in images.shape[1:3])
    around = [(0, 0), (height // 2, height // 2), (width // 2, width // 2), (0, 0)]
    patches = _patches(jnp.pad(images, around), (height, width), (out_height, out_width), stride)
    return patches @ kernel.reshape(-1, features)


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
    """Convolves the gradient, dilated by the stride, with the kernel rotated by 180 degrees."""
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
    """Multiplies the gradient by image patches and sums over positions and samples."""
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
        patches = _patches(images, (height, width), (out_height, out_width), stride)
        patches = patches.reshape(-1, height * width * channels)
        # This order is up to 1.5 times as fast as patches.T @ gradient.
        product = jnp.matmul(gradient.T, patches, preferred_element_type=total.dtype)
        return total + product, None

    # zeros_like, so that inside shard_map the zeros vary over the same devices as the gradient.
    none = jnp.zeros_like(
        gradient,
        shape=(features, height * width * channels),
        dtype=jnp.promote_types(gradient.dtype, jnp.float32),
    )
    total, _ = lax.scan(add_chunk, none, (images, gradient))
    return total.T.reshape(shape).astype(gradient.dtype)


def _patches(images, size, out, stride):
    """Patches of padded images, of shape (samples, *out, positions of the kernel × channels)."""
    (height, width), (out_height, out_width) = size, out
    views = [
        images[:, row : row + (out_height - 1) * stride + 1 : stride][
            :, :, column : column + (out_width - 1) * stride + 1 : stride
        ]
        for row in range(height)
        for column in range(width)
    ]
    return jnp.concatenate(views, axis=-1)


def _padded(shape, height, width):
    return shape[1] + 2 * (height // 2), shape[2] + 2 * (width // 2), shape[3]
