"""Networks by name."""

import functools
import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp

from selectax.arguments.names import nearest
from selectax.models.imagenet_resnet import ImageNetResNet
from selectax.models.resnet import CifarResNet
from selectax.models.vgg import VGG16

# Of ImageNet's training images, and so those of the PyTorch code that the papers build on, for
# CIFAR-10 too.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_DEPTHS = (8, 20, 32, 44, 56)
_IMAGENET: dict[str, Callable[..., nn.Module]] = {
    "resnet18": functools.partial(ImageNetResNet, (2, 2, 2, 2), False),
    "resnet10_quarter": functools.partial(ImageNetResNet, (1, 1, 1, 1), False, width=16),
    "resnet50": functools.partial(ImageNetResNet, (3, 4, 6, 3), True),
    "resnet34": functools.partial(ImageNetResNet, (3, 4, 6, 3), False),
    # As in kuangliu/pytorch-cifar.
    "resnet18_cifar": functools.partial(ImageNetResNet, (2, 2, 2, 2), False, small_stem=True),
    "resnet34_cifar": functools.partial(ImageNetResNet, (3, 4, 6, 3), False, small_stem=True),
    "resnet50_cifar": functools.partial(ImageNetResNet, (3, 4, 6, 3), True, small_stem=True),
}
_MODULES: dict[str, Callable[..., nn.Module]] = {
    **{f"resnet{depth}": functools.partial(CifarResNet, depth) for depth in _DEPTHS},
    **_IMAGENET,
    "vgg16": VGG16,
    **{
        f"resnet{depth}_b": functools.partial(CifarResNet, depth, projection=True)
        for depth in _DEPTHS
    },
}

MODELS = tuple(_MODULES)
# Those of which there is a form with a max-pool.
MAX_POOLED = tuple(_IMAGENET)


def create(
    name: str,
    num_classes: int,
    *,
    mean: Sequence[float] = MEAN,
    deviation: Sequence[float] = DEVIATION,
    max_pool: bool = False,
    axis_name: str | None = None,
    dtype: jnp.dtype | None = None,
) -> nn.Module:
    """Makes a network by name; `module.apply(variables, images)` gives (logits, activations).

    Args:
      name: one of MODELS. resnet8, 20, 32, 44 and 56 have CIFAR-10's form with shortcuts A, and
        with "_b" at the end shortcuts B, which are projections; resnet18, 34 and 50 have ImageNet's
        form, and with "_cifar" at the end a 3 × 3 stem of stride 1; resnet10_quarter is resnet18
        with one block a stage and a quarter of the feature maps; vgg16 has batch norm. All take
        images of 32 × 32 pixels and more.
      num_classes: number of logits.
      mean: of the training images' channels in [0, 1], subtracted inside the network.
      deviation: of the training images' channels, by which they are divided inside the network.
      max_pool: whether resnet18, 34, 50 and the like have torchvision's max-pool after the stem,
        which the papers removed.
      axis_name: mapped axis of devices over which batch norm takes its statistics in training.
      dtype: of the feature maps, such as bfloat16, by default as weights and images; weights,
        statistics and logits are float32.

    Returns:
      A module that takes images in [0, 1] of shape (samples, height, width, channels), and gives
      logits of shape (samples, num_classes) and a dict, in order of depth, from layer name to
      activations of shape (samples, height, width, units), taken after the ReLU.

    Raises:
      ValueError: the name is unknown, there are no classes, the network has no form with a
        max-pool, or mean and deviation are not as many finite numbers, deviations above 0.

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
        raise ValueError(
            f"model {name!r} is unknown; the nearest of {MODELS} is {nearest(name, MODELS)!r}."
        )
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}.")
    if max_pool and name not in MAX_POOLED:
        raise ValueError(
            f"max_pool is {max_pool}, but {name} has no form with a max-pool after the stem; omit "
            f"it, or take one of {', '.join(MAX_POOLED)}."
        )
    mean, deviation = tuple(mean), tuple(deviation)
    positive = all(math.isfinite(value) and value > 0 for value in deviation)
    if len(mean) != len(deviation) or not positive or not all(map(math.isfinite, mean)):
        raise ValueError(
            f"mean {mean} and deviation {deviation} must be finite numbers, one for each channel, "
            "deviations above 0; give those of the training images in [0, 1]."
        )
    return _MODULES[name](
        num_classes=num_classes,
        mean=mean,
        deviation=deviation,
        **({"max_pool": True} if max_pool else {}),
        axis_name=axis_name,
        dtype=dtype,
    )
