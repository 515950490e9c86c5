"""Residual networks in the form for CIFAR: three stages of 16, 32 and 64 feature maps.

References:
  He et al., 2016, "Deep residual learning for image recognition", section 4.2 (shortcuts A) and
  section 3.3 (shortcuts B, projections).
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


class CifarResNet(DrawnAtOnce):
    """Images to (logits, activations).

    The units are the feature maps after the stem's ReLU, after the ReLU inside each block ("inner")
    and after the ReLU of each residual sum ("sum"); this is our choice, because we could not read
    the papers' methods sections. The names of the layers sort in order of depth, which is the order
    that JAX gives a dict's entries.

    Attributes:
      depth: number of layers with weights, 6 n + 2.
      num_classes: number of logits.
      mean: mean per channel, which is subtracted from the images.
      deviation: standard deviation per channel, by which they are then divided.
      axis_name: mapped axis of the devices over which batch norm computes its statistics in
        training.
      convolve: (images, kernel, stride) to feature maps.
      dtype: dtype of the feature maps; by default it follows from the weights and the images.
        Weights, statistics and logits are at least float32.
      projection: whether a shortcut to more feature maps is a 1 × 1 convolution with batch norm
        (B), not every second pixel with zeros for the new feature maps (A).
    """

    depth: int
    num_classes: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    axis_name: str | None = None
    convolve: Callable[[Array, Array, int], Array] = convolution
    dtype: jnp.dtype | None = None
    projection: bool = False

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

        def convolve(maps, features, stride, name, size=3):
            maps = Convolution(
                features, stride, self.convolve, size, dtype=self.dtype, name=f"{name}_convolution"
            )(maps)
            return normalization(train, self.axis_name, f"{name}_norm", self.dtype)(maps)

        activations: dict[str, jnp.ndarray] = {}
        respond = functools.partial(activate, activations=activations, masks=masks)
        maps = normalized_images(images, self.mean, self.deviation)
        maps = respond(convolve(maps, 16, 1, "stage0_stem"), "stage0_stem")
        for stage, features in enumerate((16, 32, 64), start=1):
            for block in range(1, (self.depth - 2) // 6 + 1):
                name = f"stage{stage}_block{block}"
                stride = 2 if stage > 1 and block == 1 else 1
                new = features - maps.shape[-1]
                if new and self.projection:
                    shortcut = convolve(maps, features, stride, f"{name}_shortcut", size=1)
                else:
                    # Shortcut A: every second pixel, and zeros for the new feature maps.
                    shortcut = jnp.pad(
                        maps[:, ::stride, ::stride], [(0, 0)] * 3 + [(new // 2, new - new // 2)]
                    )
                inner = respond(convolve(maps, features, stride, f"{name}_inner"), f"{name}_inner")
                residual = convolve(inner, features, 1, f"{name}_sum")
                maps = respond(shortcut + residual, f"{name}_sum")
        check_masks(masks, activations)
        return pooled_logits(maps, self.num_classes), activations


def torch_layers(module: CifarResNet) -> Iterator[tuple[str, str]]:
    """Names of the layers before the logits, here and in PyTorch, in order of depth."""
    blocks = (module.depth - 2) // 6
    projected = [False, module.projection, module.projection]
    return residual_layers([blocks] * 3, ["inner", "sum"], projected)
