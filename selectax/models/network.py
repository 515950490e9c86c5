"""Represents a network as plain functions, independently of the library that defines it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from selectax.models.convolution import native_convolution

Variables = Mapping[str, Any]
Outputs = tuple[Array, dict[str, Array]]


@dataclasses.dataclass(frozen=True)
class Network:
    """A network as plain functions of its variables and of images in [0, 1].

    The functions are static arguments of compiled programs, so equal functions must compare equal.
    Define them once at the top of a module, not again for each call.

    Attributes:
      init: maps (key, images) to variables, a dict. Its "params" are trained; the rest is state.
      apply: maps (variables, images) to (logits, activations) in evaluation mode. Activations are a
        dict from layer names to arrays of shape (samples, …, units).
      train: maps (variables, images, axis_name) to ((logits, activations), state) in training mode.
        The state is a dict with the new values of all variables except "params". If axis_name is
        given, batch statistics are computed over the devices of that mapped axis. None if training
        mode is the same as evaluation mode and the network has no state.
      masked: maps (variables, images, masks) to (logits, activations). It switches off the units
        whose entry in the mask of their layer is False. None if the network cannot be ablated.
      forward: same as apply, but differentiable in forward mode. None if apply itself is.

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
    """

    init: Callable[[PRNGKeyArray, Array], Variables]
    apply: Callable[[Variables, Array], Outputs]
    train: Callable[[Variables, Array, str | None], tuple[Outputs, Variables]] | None = None
    masked: Callable[[Variables, Array, Mapping[str, Array]], Outputs] | None = None
    forward: Callable[[Variables, Array], Outputs] | None = None


def of_module(module: nn.Module, dtype: Any = None) -> Network:
    """Makes a network from a Flax module, such as one from `selectax.models.create`.

    Equal modules give equal networks, so that they share compiled programs.

    Args:
      module: module that returns (logits, activations). It takes `train` for training and `masks`
        for ablation.
      dtype: dtype of the feature maps, if it differs from the module's own.

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


def shapes_of_layers(function: Callable[..., Outputs], *arguments: Any) -> dict[str, Any]:
    """Shapes of the activations that a function returns, in its own order, by layer.

    Args:
      function: returns (logits, activations).
      arguments: its arguments, or their shapes; nothing is computed.
    """
    names: list[str] = []

    def activations_of(*arguments):
        _, activations = function(*arguments)
        names[:] = activations  # JAX sorts dicts by key
        return dict(activations)

    shapes = jax.eval_shape(activations_of, *arguments)
    return {name: shapes[name] for name in names}


def convolving_by(
    network: Network, convolve: Callable[[Array, Array, int], Array]
) -> Network | None:
    """The same network with another function of (images, kernel, stride) as its convolution.

    Returns:
      The network, or None if it is not one of a Flax module with an attribute `convolve`.
    """
    if not isinstance(network.apply, _Apply) or "convolve" not in _fields(network.apply.module):
        return None
    return of_module(network.apply.module.clone(convolve=convolve))


# These are classes because bound methods compare equal only if their modules are the same object.
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
            # The custom gradient of our convolution does not support forward mode.
            module = module.clone(convolve=native_convolution)
        return module.apply(variables, images)


def _fields(module: nn.Module) -> set[str]:
    return {field.name for field in dataclasses.fields(module)}
