"""Class selectivity, dimensionality and robustness of neural networks, in JAX.

The measures are pure functions of arrays and need only jax and numpy. Every public function of a
measure's module is also available here: `selectax.selectivity_penalty` is
`selectax.regularization.selectivity_penalty`. `selectax.models` (needs flax), `selectax.datasets`
(needs tensorflow-datasets) and `selectax.study`, which runs an experiment after Leavitt & Morcos
2020 (arXiv 2007.04440), need more libraries: in a clone, run `pip install ".[study]"`.

`import selectax` loads nothing else, not even jax: modules are loaded when they are first used. The
names are listed in `__init__.pyi`, which type checkers read too.

Example:
  >>> import jax.numpy as jnp
  >>> import selectax
  >>> means = jnp.array([[1.0, 1.0], [0.0, 1.0]])  # of two classes, for two units
  >>> selectax.class_selectivity_index(means).round(2).tolist()
  [1.0, 0.0]
"""

import lazy_loader

from selectax.renamed import old_names

_load, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)
_ADDED_BY_EXTRAS = {"datasets", "models", "study"}
# `from selectax import *` must work without the extras.
__all__ = sorted(set(_names) - _ADDED_BY_EXTRAS)
_by_old_name = old_names(__name__)


def __getattr__(name: str) -> object:
    return _load(name) if name in _names else _by_old_name(name, stacklevel=3)
