"""Networks by name."""

import difflib
import functools
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from selectax.models.imagenet_resnet import ImageNetResNet
from selectax.models.resnet import CifarResNet
from selectax.models.vgg import VGG16

# Of ImageNet's training images, and so those of the PyTorch code that the papers build on, for
# CIFAR-10 too.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_MODULES: dict[str, Callable[..., nn.Module]] = {
    **{f"resnet{depth}": functools.partial(CifarResNet, depth) for depth in (8, 20, 32, 44, 56)},
    "resnet18": functools.partial(ImageNetResNet, (2, 2, 2, 2), False),
    "resnet10_quarter": functools.partial(ImageNetResNet, (1, 1, 1, 1), False, width=16),
    "resnet50": functools.partial(ImageNetResNet, (3, 4, 6, 3), True),
    "vgg16": VGG16,
}

MODELS = tuple(_MODULES)


def create(
    name: str,
    num_classes: int,
    *,
    mean: tuple[float, ...] = _MEAN,
    deviation: tuple[float, ...] = _DEVIATION,
    axis_name: str | None = None,
    dtype: jnp.dtype | None = None,
) -> nn.Module:
    """Makes a network by name; `module.apply(variables, images)` gives (logits, activations).

    Args:
      name: one of MODELS. resnet8, 20, 32, 44 and 56 have CIFAR-10's form, resnet18 and resnet50
        ImageNet's without the max-pool; resnet10_quarter is resnet18 with one block a stage and a
        quarter of the feature maps; vgg16 has batch norm. All take images of 32 × 32 pixels and
        more.
      num_classes: number of logits.
      mean: of the training images' channels in [0, 1], subtracted inside the network.
      deviation: of the training images' channels, by which they are divided inside the network.
      axis_name: mapped axis of devices over which batch norm takes its statistics in training.
      dtype: of the feature maps, such as bfloat16, by default as weights and images; weights,
        statistics and logits are float32.

    Returns:
      A module that takes images in [0, 1] of shape (samples, height, width, channels), and gives
      logits of shape (samples, num_classes) and a dict, in order of depth, from layer name to
      activations of shape (samples, height, width, units), taken after the ReLU.

    Raises:
      ValueError: the name is unknown, or there are no classes.

    References:
      He et al., 2016, "Deep residual learning for image recognition"; Simonyan & Zisserman, 2015,
      "Very deep convolutional networks for large-scale image recognition".

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax import models
      >>> module, images = models.create("resnet8", num_classes=10), jnp.zeros((4, 32, 32, 3))
      >>> variables = jax.eval_shape(module.init, jax.random.key(0), images)
      >>> logits, activations = jax.eval_shape(module.apply, variables, images)
      >>> logits.shape, len(activations), activations["stage0_stem"].shape
      ((4, 10), 7, (4, 32, 32, 16))
    """
    if name not in MODELS:
        nearest = difflib.get_close_matches(name, MODELS, n=1, cutoff=0)[0]
        raise ValueError(f"model {name!r} is unknown; the nearest of {MODELS} is {nearest!r}.")
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}.")
    return _MODULES[name](
        num_classes=num_classes,
        mean=mean,
        deviation=deviation,
        axis_name=axis_name,
        dtype=dtype,
    )
