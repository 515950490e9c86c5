"""Residual networks in the form for ImageNet: four stages of feature maps.

References:
  He et al., 2016, "Deep residual learning for image recognition", table 1. As in torchvision, a
  bottleneck's stride is that of its 3 × 3 convolution.
  Leavitt & Morcos, 2020, arXiv 2007.04440: the max-pool after the first batch norm removed.
  kuangliu/pytorch-cifar, models/resnet.py: the form for CIFAR with a stem of 3 × 3.
"""

import functools
from collections.abc import Callable, Iterator

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from selectax.models.convolution import convolution
from selectax.models.initialization import DrawnAtOnce
from selectax.models.layers import (
    Convolution,
    Masks,
    activate,
    check_masks,
    normalization,
    normalized_images,
    pooled_logits,
)
from selectax.models.pytorch.layers import residual_layers


class ImageNetResNet(DrawnAtOnce):
    """Images to (logits, activations).

    The units are the feature maps after the stem's ReLU, after each ReLU inside a block ("inner",
    of bottlenecks "inner1" and "inner2") and after the ReLU of each residual sum ("sum"); this is
    our choice, because we could not read the papers' methods sections. The names of the layers sort
    in order of depth, which is the order that JAX gives a dict's entries.

    Attributes:
      blocks: number of blocks in each of the four stages, below 10.
      bottleneck: whether a block is 1 × 1, 3 × 3 and 1 × 1 with four times as many feature maps,
        not two of 3 × 3.
      num_classes: number of logits.
      mean: mean per channel, which is subtracted from the images.
      deviation: standard deviation per channel, by which they are then divided.
      axis_name: mapped axis of the devices over which batch norm computes its statistics in
        training.
      width: feature maps of the stem and the first stage, which each later stage doubles.
      convolve: (images, kernel, stride) to feature maps.
      dtype: dtype of the feature maps; by default it follows from the weights and the images.
        Weights, statistics and logits are at least float32.
      max_pool: whether a max-pool of 3 × 3 with stride 2 follows the stem's ReLU, as in
        torchvision.
      small_stem: whether the stem is 3 × 3 with stride 1, as usual for CIFAR, not 7 × 7 with
        stride 2.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool
    num_classes: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    axis_name: str | None = None
    width: int = 64
    convolve: Callable[[Array, Array, int], Array] = convolution
    dtype: jnp.dtype | None = None
    max_pool: bool = False
    small_stem: bool = False

    @nn.compact
    def __call__(
        self,
        images: Float[Array, "samples height width channels"],
        train: bool = False,
        masks: Masks | None = None,
    ) -> tuple[Float[Array, "samples classes"], dict[str, Float[Array, "samples h w units"]]]:
        """Images are in [0, 1]; with train=True batch norm uses the batch's statistics.

        The units of each layer named in `masks` are multiplied by its mask: 0 switches a unit off.
        """

        def convolve(maps, features, size, stride, name):
            convolved = Convolution(
                features,
                stride,
                self.convolve,
                size,
                dtype=self.dtype,
                name=f"{name}_convolution",
            )(maps)
            return normalization(train, self.axis_name, f"{name}_norm", self.dtype)(convolved)

        activations: dict[str, jnp.ndarray] = {}
        respond = functools.partial(activate, activations=activations, masks=masks)
        maps = normalized_images(images, self.mean, self.deviation)
        size, stride = (3, 1) if self.small_stem else (7, 2)
        maps = respond(convolve(maps, self.width, size, stride, "stage0_stem"), "stage0_stem")
        if self.max_pool:
            maps = nn.max_pool(maps, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for stage, blocks in enumerate(self.blocks, start=1):
            inner_features = self.width * 2 ** (stage - 1)
            features = 4 * inner_features if self.bottleneck else inner_features
            for block in range(1, blocks + 1):
                name = f"stage{stage}_block{block}"
                stride = 2 if stage > 1 and block == 1 else 1
                shortcut = maps
                if stride > 1 or maps.shape[-1] != features:
                    shortcut = convolve(maps, features, 1, stride, f"{name}_shortcut")
                # Kernel size and stride of the convolutions before the last one.
                inner = {"inner1": (1, 1), "inner2": (3, stride)}
                for layer, form in (inner if self.bottleneck else {"inner": (3, stride)}).items():
                    maps = convolve(maps, inner_features, *form, f"{name}_{layer}")
                    maps = respond(maps, f"{name}_{layer}")
                last_size = 1 if self.bottleneck else 3
                residual = convolve(maps, features, last_size, 1, f"{name}_sum")
                maps = respond(shortcut + residual, f"{name}_sum")
        check_masks(masks, activations)
        return pooled_logits(maps, self.num_classes), activations


def torch_layers(module: ImageNetResNet) -> Iterator[tuple[str, str]]:
    """Names of the layers before the logits, here and in PyTorch, in order of depth."""
    inner = ["inner1", "inner2"] if module.bottleneck else ["inner"]
    return residual_layers(module.blocks, [*inner, "sum"], [module.bottleneck, True, True, True])
