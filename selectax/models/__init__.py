"""Networks that return their logits and the activations of each layer."""

from selectax.installing import sentence_on_missing

try:
    from selectax.models.networks import MODELS, create
    from selectax.models.torch_files import WeightsError
    from selectax.models.torch_weights import from_torch
except ModuleNotFoundError as missing:
    raise ImportError(sentence_on_missing("selectax.models", missing.name)) from missing

__all__ = ["MODELS", "WeightsError", "create", "from_torch"]
