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
from selectax.models.pytorch.layers import convolution_and_norm

# Feature maps of each stage's convolutions; a max-pool ends a stage.
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(DrawnAtOnce):
    """Images to (logits, activations).

    The convolutions are those of torchvision's vgg16_bn, each with a bias, batch norm and a ReLU.
    Torchvision's classifier has three linear layers and expects 7 × 7 positions, that is images of
    224 × 224 pixels. Smaller images leave fewer positions (32 × 32 pixels leave one), so the
    classifier here is the mean over positions and one linear layer, as is usual for CIFAR-10.

    A layer's units are the feature maps after the ReLU, before a max-pool. The names of the layers
    sort in order of depth, which is the order that JAX gives a dict's entries.

    Attributes:
      num_classes: number of logits.
      mean: mean per channel, which is subtracted from the images.
      deviation: standard deviation per channel, by which they are then divided.
      axis_name: mapped axis of the devices over which batch norm computes its statistics in
        training.
      convolve: (images, kernel, stride) to feature maps.
      dtype: dtype of the feature maps; by default it follows from the weights and the images.
        Weights, statistics and logits are at least float32.
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
        """Images are in [0, 1]; with train=True batch norm uses the batch's statistics.

        The units of each layer named in `masks` are multiplied by its mask: 0 switches a unit off.
        """
        activations: dict[str, jnp.ndarray] = {}
        maps = normalized_images(images, self.mean, self.deviation)
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
