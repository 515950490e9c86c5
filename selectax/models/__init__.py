"""Networks that return their logits and the activations of each layer."""

import difflib

from selectax.models.resnet import CifarResNet

# Of CIFAR-10's training images, as in the PyTorch code that the papers build on.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_DEPTHS = {f"resnet{depth}": depth for depth in (8, 20, 32, 44, 56)}

MODELS = tuple(_DEPTHS)


def create(
    name: str,
    num_classes: int,
    *,
    mean: tuple[float, ...] = _MEAN,
    deviation: tuple[float, ...] = _DEVIATION,
    axis_name: str | None = None,
) -> CifarResNet:
    """Makes a network by name; `module.apply(variables, images)` gives (logits, activations).

    Args:
      name: one of MODELS.
      num_classes: number of logits.
      mean: of the training images' channels in [0, 1], subtracted inside the network.
      deviation: of the training images' channels, by which they are divided inside the network.
      axis_name: mapped axis of devices over which batch norm takes its statistics in training.

    Raises:
      ValueError: the name is unknown, or there are no classes.
    """
    if name not in MODELS:
        nearest = difflib.get_close_matches(name, MODELS, n=1, cutoff=0)[0]
        raise ValueError(f"model {name!r} is unknown; the nearest of {MODELS} is {nearest!r}.")
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}.")
    return CifarResNet(_DEPTHS[name], num_classes, mean, deviation, axis_name)
