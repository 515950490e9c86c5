"""Networks that return their logits and the activations of each layer.

Importing this package does not load Flax.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from selectax.installing import sentence_on_missing
from selectax.models.networks import MODELS, NETWORKS, Architecture, create

if TYPE_CHECKING:
    from selectax.models.network import Network, of_module
    from selectax.models.pytorch.files import WeightsError
    from selectax.models.pytorch.weights import from_torch

__all__ = [
    "MODELS",
    "NETWORKS",
    "Architecture",
    "Network",
    "WeightsError",
    "create",
    "from_torch",
    "of_module",
]

if importlib.util.find_spec("flax") is None:
    raise ImportError(sentence_on_missing(__name__, "flax"))

_MODULES = {
    "Network": "network",
    "WeightsError": "pytorch.files",
    "from_torch": "pytorch.weights",
    "of_module": "network",
}

if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name: str) -> Any:
        """Imports what needs Flax or NumPy on first use."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
