"""Convolution, batch norm and linear layers that all networks share."""

from collections.abc import Callable, Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

Masks = Mapping[str, Float[Array, "units"]]


class Convolution(nn.Module):
    """A convolution whose initial weights are Kaiming normal over the fan-in.

    Attributes:
      features: number of output feature maps.
      stride: stride along both dimensions.
      convolve: (images, kernel, stride) to feature maps.
      size: height and width of the kernel, odd.
      use_bias: whether each feature map has a bias.
      dtype: dtype of inputs, kernel and outputs; by default that of images and kernel.
    """

    features: int
    stride: int
    convolve: Callable[[Array, Array, int], Array]
    size: int = 3
    use_bias: bool = False
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Convolves images or feature maps."""
        shape = (self.size, self.size, images.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        dtype = self.dtype or jnp.promote_types(images.dtype, kernel.dtype)
        maps = self.convolve(images.astype(dtype), kernel.astype(dtype), self.stride)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            maps = maps + bias.astype(dtype)
        return maps


def normalized_images(
    images: Float[Array, "samples height width channels"],
    mean: Sequence[float],
    deviation: Sequence[float],
) -> Float[Array, "samples height width channels"]:
    """Subtracts the mean of each channel and divides by its standard deviation.

    Raises:
      ValueError: the images have another number of channels. Broadcasting would give grey images
        three channels, and the weights would then also accept images in colour.
    """
    if images.shape[-1] != len(mean):
        raise ValueError(
            f"mean {tuple(mean)} and deviation {tuple(deviation)} have a value for each of "
            f"{len(mean)} channels, but the images are of shape {images.shape}, with channels "
            "last; create the network with as many values, or repeat grey images along that axis."
        )
    return (images - jnp.asarray(mean)) / jnp.asarray(deviation)


def normalization(
    train: bool, axis_name: str | None, name: str, dtype: jnp.dtype | None = None
) -> nn.BatchNorm:
    """Batch norm with PyTorch's epsilon, and its momentum of 0.1 on the new value.

    Args:
      train: whether to use the batch's statistics instead of the running ones.
      axis_name: mapped axis of the devices over which the batch's statistics are computed.
      name: name of the layer.
      dtype: dtype of the feature maps, by default that of the input. Statistics are at least
        float32.
    """
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=1e-5,
        axis_name=axis_name,
        dtype=dtype,
        name=name,
    )


def activate(maps: Array, name: str, activations: dict[str, Array], masks: Masks | None) -> Array:
    """Applies a layer's ReLU and its mask, if it has one, and records the result."""
    maps = nn.relu(maps)
    if masks and name in masks:
        maps = maps * masks[name].astype(maps.dtype)
    activations[name] = maps
    return maps


def check_masks(masks: Masks | None, activations: Mapping[str, Array]) -> None:
    """Checks that every mask belongs to a layer of the network.

    Raises:
      ValueError: a mask does not.
    """
    if unknown := set(masks or ()) - set(activations):
        raise ValueError(f"masks names {sorted(unknown)}, which are no layers of the network.")


def pooled_logits(maps: Array, num_classes: int) -> Array:
    """The mean over positions and the last linear layer, in float32; call it inside a network."""
    pooled = jnp.mean(maps, axis=(1, 2), dtype=jnp.promote_types(maps.dtype, jnp.float32))
    layer = nn.Dense(num_classes, kernel_init=nn.initializers.he_normal(), name="logits")
    return layer(pooled)
