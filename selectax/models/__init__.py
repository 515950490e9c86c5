"""Networks that return their logits and the activations of each layer."""

from selectax.models.networks import MODELS, create
from selectax.models.torch_weights import from_torch

__all__ = ["MODELS", "create", "from_torch"]
