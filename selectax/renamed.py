"""Old names of public objects, which still work in this version and warn."""

import importlib
import warnings
from typing import Protocol

_RENAMED = {  # module -> old name -> new name
    "selectax.ablation": {"accuracy": "accuracy_of_counts"},
    "selectax.attacks": {
        "believability": "attack_believability",
        "strongest": "strongest_attack",
    },
    "selectax.dimensionality": {"covariance": "sample_covariance"},
    "selectax.selectivity": {
        "init_moments": "init_class_moments",
        "update_moments": "update_class_moments",
    },
    "selectax.strongest": {
        "init_strongest": "init_strongest_responses",
        "merge_strongest": "merge_strongest_responses",
        "update_strongest": "update_strongest_responses",
    },
    "selectax.tuning": {"sum_class_statistics": "merge_class_statistics_over_devices"},
}
_RENAMED["selectax"] = {old: new for names in _RENAMED.values() for old, new in names.items()}


class _Get(Protocol):
    def __call__(self, name: str, *, stacklevel: int = 2) -> object: ...


def old_names(module: str) -> _Get:
    """The `__getattr__` of a module: returns the module's objects by their old names and warns.

    Args:
      module: full name of the module.
    """

    def get(name: str, *, stacklevel: int = 2) -> object:
        if name not in _RENAMED[module]:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new = _RENAMED[module][name]
        message = f"{module}.{name} is now named {new}; the old name goes in version 0.2."
        warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)
        return getattr(importlib.import_module(module), new)

    return get
