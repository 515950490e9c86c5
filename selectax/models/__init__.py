"""Networks that return their logits and the activations of each layer."""

try:
    from selectax.models.networks import MODELS, create
    from selectax.models.torch_files import WeightsError
    from selectax.models.torch_weights import from_torch
except ModuleNotFoundError as missing:
    raise ImportError(
        f"selectax.models needs {missing.name}, which is not installed; "
        'run pip install "selectax[study]".'
    ) from missing

__all__ = ["MODELS", "WeightsError", "create", "from_torch"]
