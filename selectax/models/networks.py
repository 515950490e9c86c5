"""NETWORKS: the networks that can be made by name, and everything else that is known of them.

The table does not import Flax, so that command-line help can read it. An entry imports its
network's module when the network is first made.
"""

import dataclasses
import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from selectax.arguments.names import nearest

if TYPE_CHECKING:
    import flax.linen as nn
    import jax.numpy as jnp

# Of ImageNet's training images. We use them for CIFAR-10 too, as common PyTorch code does (our
# choice; we could not read the papers' methods sections).
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What is known of a network that can be made by name.

    Attributes:
      name: as in `--model`.
      help: what it is, in a few words.
      constructor: makes the module from num_classes, mean, deviation, axis_name and dtype, and from
        max_pool if `has_max_pool`.
      torch_layers: from the module to pairs of a layer's name here and in PyTorch, in order of
        depth, without the logits; None if its weights cannot be read from PyTorch's files.
      smallest_image: smallest height and width of images.
      has_max_pool: whether it has a form with a max-pool after the stem.

    Example:
      >>> from selectax import models
      >>> models.NETWORKS["vgg16"].smallest_image
      32
    """

    name: str
    help: str
    constructor: Callable[..., Any]
    torch_layers: Callable[[Any], Iterable[tuple[str, str]]] | None = None
    smallest_image: int = 1
    has_max_pool: bool = False


def _cifar_resnet(depth: int, *, projection: bool = False) -> Architecture:
    shortcuts = "B, which are projections" if projection else "A"
    return Architecture(
        f"resnet{depth}_b" if projection else f"resnet{depth}",
        f"residual network in the form for CIFAR-10, with shortcuts {shortcuts}",
        _constructor("resnet", "CifarResNet", depth=depth, projection=projection),
        _torch_layers("resnet"),
        smallest_image=4,
    )


def _imagenet_resnet(
    name: str, blocks: tuple[int, ...], help: str = "", *, bottleneck: bool = False, **options: Any
) -> Architecture:
    small_stem = options.get("small_stem", False)
    # As in kuangliu/pytorch-cifar.
    stem = ", with a 3 × 3 stem of stride 1" if small_stem else ""
    return Architecture(
        name,
        help or f"residual network in the form for ImageNet{stem}",
        _constructor(
            "imagenet_resnet", "ImageNetResNet", blocks=blocks, bottleneck=bottleneck, **options
        ),
        _torch_layers("imagenet_resnet"),
        smallest_image=8 if small_stem else 16,
        has_max_pool=True,
    )


def _constructor(module: str, name: str, **fixed: Any) -> Callable[..., Any]:
    """A function that imports a class when it is called, and fixes some of its fields."""
    return lambda **options: getattr(_module(module), name)(**fixed, **options)


def _torch_layers(module: str) -> Callable[[Any], Iterable[tuple[str, str]]]:
    return lambda network: _module(module).torch_layers(network)


def _module(name: str) -> Any:
    return importlib.import_module(f"selectax.models.{name}")


_DEPTHS = (8, 20, 32, 44, 56)

NETWORKS: dict[str, Architecture] = {
    network.name: network
    for network in (
        *(_cifar_resnet(depth) for depth in _DEPTHS),
        _imagenet_resnet("resnet18", (2, 2, 2, 2)),
        _imagenet_resnet(
            "resnet10_quarter",
            (1, 1, 1, 1),
            "resnet18 with one block in each stage and a quarter of the feature maps",
            width=16,
        ),
        _imagenet_resnet("resnet50", (3, 4, 6, 3), bottleneck=True),
        _imagenet_resnet("resnet34", (3, 4, 6, 3)),
        _imagenet_resnet("resnet18_cifar", (2, 2, 2, 2), small_stem=True),
        _imagenet_resnet("resnet34_cifar", (3, 4, 6, 3), small_stem=True),
        _imagenet_resnet("resnet50_cifar", (3, 4, 6, 3), bottleneck=True, small_stem=True),
        Architecture(
            "vgg16",
            "VGG16 with batch norm, in the form for small images",
            _constructor("vgg", "VGG16"),
            _torch_layers("vgg"),
            smallest_image=32,
        ),
        *(_cifar_resnet(depth, projection=True) for depth in _DEPTHS),
    )
}
MODELS = tuple(NETWORKS)


def create(
    name: str,
    num_classes: int,
    *,
    mean: Sequence[float] = MEAN,
    deviation: Sequence[float] = DEVIATION,
    max_pool: bool = False,
    axis_name: str | None = None,
    dtype: "jnp.dtype | None" = None,
) -> "nn.Module":
    """Makes a network by name; `module.apply(variables, images)` returns (logits, activations).

    Args:
      name: one of `NETWORKS`, whose entries say what each is: resnet8, 20, 32, 44 and 56 have the
        form for CIFAR-10 with shortcuts A, resnet8_b and so on with shortcuts B (projections);
        resnet18, 34 and 50 have the form for ImageNet, resnet18_cifar and so on with a 3 × 3 stem
        of stride 1; resnet10_quarter is a small resnet18; vgg16 has batch norm.
      num_classes: number of logits.
      mean: mean of each channel of the training images in [0, 1], such as one number for grey
        images. The network subtracts it.
      deviation: standard deviation of each channel of the training images. The network divides by
        it.
      max_pool: adds torchvision's max-pool after the stem, which the papers removed, to a network
        in the form for ImageNet.
      axis_name: mapped axis of the devices over which batch norm computes its statistics in
        training.
      dtype: dtype of the feature maps, such as bfloat16. By default it follows from the weights and
        the images. Weights, statistics and logits are float32.

    Returns:
      A module that takes images in [0, 1] of shape (samples, height, width, channels), with as many
      channels as `mean` has values, and raises ValueError for others. It returns logits of shape
      (samples, num_classes) and a dict, in order of depth, from layer name to activations of shape
      (samples, height, width, units), taken after the ReLU.

    Raises:
      ValueError: the name is unknown, there are no classes, the network has no form with a
        max-pool, or `mean` and `deviation` are not equally many finite numbers with positive
        deviations.

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
    if name not in NETWORKS:
        known = tuple(NETWORKS)
        raise ValueError(
            f"model {name!r} is unknown; the nearest of {known} is {nearest(name, known)!r}."
        )
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}.")
    if max_pool and not NETWORKS[name].has_max_pool:
        pooled = [network.name for network in NETWORKS.values() if network.has_max_pool]
        raise ValueError(
            f"max_pool is {max_pool}, but {name} has no form with a max-pool after the stem; omit "
            f"it, or choose one of {', '.join(pooled)}."
        )
    mean, deviation = tuple(mean), tuple(deviation)
    positive = all(math.isfinite(value) and value > 0 for value in deviation)
    if len(mean) != len(deviation) or not positive or not all(map(math.isfinite, mean)):
        raise ValueError(
            f"mean {mean} and deviation {deviation} must be finite numbers, one for each channel, "
            "deviations above 0; give those of the training images in [0, 1]."
        )
    return NETWORKS[name].constructor(
        num_classes=num_classes,
        mean=mean,
        deviation=deviation,
        **({"max_pool": True} if max_pool else {}),
        axis_name=axis_name,
        dtype=dtype,
    )
