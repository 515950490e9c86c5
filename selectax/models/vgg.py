"""VGG16 with batch norm, for small images.

References:
  Simonyan & Zisserman, 2015, "Very deep convolutional networks for large-scale image recognition",
  table 1, D.
"""

from collections.abc import Callable, Iterator

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from selectax.models.convolution import convolution
from selectax.models.layers import (
    Convolution,
    Masks,
    activate,
    check_masks,
    normalization,
    pooled_logits,
)
from selectax.models.torch_layers import convolution_and_norm

# Feature maps of each stage's convolutions; a max-pool ends a stage.
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """Images to (logits, activations).

    The convolutions are those of torchvision's vgg16_bn, each with a bias, batch norm and a ReLU.
    Its classifier, three linear layers on 7 × 7 positions with 90 % of all weights, is for images
    of 224 × 224 pixels. For 32 × 32, which leave one position, and 64 × 64, which leave 2 × 2, the
    classifier is the mean over positions and one linear layer, as is usual on CIFAR-10.

    A layer's units are the feature maps after the ReLU, before a max-pool. The names of the layers
    sort in order of depth, which is the order that JAX gives a dict's entries.

    Attributes:
      num_classes: number of logits.
      mean: per channel, subtracted from the images.
      deviation: per channel, by which the images are divided then.
      axis_name: mapped axis of devices over which batch norm takes its statistics in training.
      convolve: (images, kernel, stride) to feature maps.
      dtype: of the feature maps, by default as weights and images; weights, statistics and logits
        are not below float32.
    """

    num_classes: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    axis_name: str | None = None
    convolve: Callable[[Array, Array, int], Array] = convolution
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(
        self,
        images: Float[Array, "samples height width channels"],
        train: bool = False,
        masks: Masks | None = None,
    ) -> tuple[Float[Array, "samples classes"], dict[str, Float[Array, "samples h w units"]]]:
        """Images are in [0, 1], of 32 × 32 pixels or more; train=True is for the batch's norms.

        The units of each layer named in masks are multiplied by its mask, so 0 switches one off.
        """
        activations: dict[str, jnp.ndarray] = {}
        maps = (images - jnp.asarray(self.mean)) / jnp.asarray(self.deviation)
        for stage, widths in enumerate(STAGES, start=1):
            for layer, features in enumerate(widths, start=1):
                name = f"stage{stage}_layer{layer}"
                maps = Convolution(
                    features,
                    1,
                    self.convolve,
                    use_bias=True,
                    dtype=self.dtype,
                    name=f"{name}_convolution",
                )(maps)
                maps = normalization(train, self.axis_name, f"{name}_norm", self.dtype)(maps)
                maps = activate(maps, name, activations, masks)
            maps = nn.max_pool(maps, (2, 2), (2, 2))
        check_masks(masks, activations)
        return pooled_logits(maps, self.num_classes), activations


def torch_layers(_: VGG16) -> Iterator[tuple[str, str]]:
    """Names of the layers before the logits, here and in PyTorch, in order of depth."""
    position = 0
    for stage, widths in enumerate(STAGES, start=1):
        for layer in range(1, len(widths) + 1):
            convolution, norm = f"features.{position}", f"features.{position + 1}"
            yield from convolution_and_norm(f"stage{stage}_layer{layer}", convolution, norm)
            position += 3  # convolution, norm, ReLU
        position += 1  # max-pool
