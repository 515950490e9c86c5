"""A network as plain functions, whatever library made it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from selectax.models.convolution import native_convolution

Variables = Mapping[str, Any]
Outputs = tuple[Array, dict[str, Array]]


@dataclasses.dataclass(frozen=True)
class Network:
    """A network as plain functions of its variables and of images in [0, 1].

    Functions that are static in compiled programs must compare equal if they do the same: define
    them once, at the top of a module, and not anew for each call.

    Attributes:
      init: (key, images) to variables: a dict of which "params" is trained; all else is state.
      apply: (variables, images) to (logits, activations) as at evaluation. Activations are a dict
        from layer name to an array (samples, …, units).
      train: (variables, images, axis_name) to ((logits, activations), state) as in training, where
        state is a dict of the new values of all variables but "params". Statistics over the batch
        are taken over the devices of the mapped axis, if one is named. None for a network that
        trains as it evaluates and has no state.
      masked: (variables, images, masks) to (logits, activations), with the units switched off for
        which the mask of their layer is False. None for a network that cannot be ablated.
      forward: as apply, and differentiable in forward mode. None if apply is.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax import models
      >>> def init(key, images):
      ...     return {"params": {"scale": jnp.ones(images.shape[-1])}}
      >>> def apply(variables, images):
      ...     scaled = images * variables["params"]["scale"]
      ...     return scaled.mean((1, 2)), {"scaled": scaled}
      >>> network = models.Network(init, apply)
      >>> images = jnp.ones((2, 4, 4, 3))
      >>> logits, activations = network.apply(network.init(None, images), images)
      >>> logits.shape, activations["scaled"].shape
      ((2, 3), (2, 4, 4, 3))

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.models import Network
      >>> def init(key, images):
      ...     return {"params": jnp.ones((images[0].size, 3))}
      ...
      >>> def apply(variables, images):
      ...     logits = images.reshape(len(images), -1) @ variables["params"]
      ...     return logits, {"last": logits}
      ...
      >>> network, images = Network(init, apply), jnp.ones((2, 1, 1, 4))
      >>> network.apply(network.init(None, images), images)[0].tolist()
      [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """

    init: Callable[[PRNGKeyArray, Array], Variables]
    apply: Callable[[Variables, Array], Outputs]
    train: Callable[[Variables, Array, str | None], tuple[Outputs, Variables]] | None = None
    masked: Callable[[Variables, Array, Mapping[str, Array]], Outputs] | None = None
    forward: Callable[[Variables, Array], Outputs] | None = None


def of_module(module: nn.Module, dtype: Any = None) -> Network:
    """The functions of a Flax module such as those of `selectax.models.create`.

    Equal modules give equal networks, so that compiled programs are shared.

    Args:
      module: a module that returns (logits, activations). It takes `train` for training and `masks`
        for ablation.
      dtype: dtype of its feature maps, if it differs from the module's own.

    Returns:
      A network whose functions call the module.

    Example:
      >>> from selectax import models
      >>> network = models.of_module(models.create("resnet8", num_classes=10))
      >>> network == models.of_module(models.create("resnet8", num_classes=10))
      True
    """
    if dtype is not None:
        module = module.clone(dtype=jnp.dtype(dtype))
    return Network(_Init(module), _Apply(module), _Train(module), _Masked(module), _Forward(module))


# Not bound methods, which are equal only if their modules are the same object.
@dataclasses.dataclass(frozen=True)
class _Init:
    module: nn.Module

    def __call__(self, key, images):
        return self.module.init(key, images)


@dataclasses.dataclass(frozen=True)
class _Apply:
    module: nn.Module

    def __call__(self, variables, images):
        return self.module.apply(variables, images)


@dataclasses.dataclass(frozen=True)
class _Train:
    module: nn.Module

    def __call__(self, variables, images, axis_name=None):
        module = self.module
        if axis_name is not None and "axis_name" in _fields(module):
            module = module.clone(axis_name=axis_name)
        return module.apply(variables, images, train=True, mutable=["batch_stats"])


@dataclasses.dataclass(frozen=True)
class _Masked:
    module: nn.Module

    def __call__(self, variables, images, masks):
        return self.module.apply(variables, images, masks=masks)


@dataclasses.dataclass(frozen=True)
class _Forward:
    module: nn.Module

    def __call__(self, variables, images):
        module = self.module
        if "convolve" in _fields(module):
            # The rule for gradients of our own convolution knows no forward mode.
            module = module.clone(convolve=native_convolution)
        return module.apply(variables, images)


def _fields(module: nn.Module) -> set[str]:
    return {field.name for field in dataclasses.fields(module)}
