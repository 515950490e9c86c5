"""An experiment after Leavitt & Morcos 2020: training, measurement, tables, figures and reports.

`sweep` trains networks at several strengths of the regularizer and measures them; `evaluate`
measures trained networks; `measure` measures any function. `load_results` reads the tables of
runs, and `MEASURES` is the table of what can be measured.

Example:
  >>> from selectax import study
  >>> sorted(study.MEASURES)[:3]
  ['ablation', 'attacks', 'corruptions']
"""

import importlib.util

import lazy_loader

from selectax.installing import sentence_on_missing

if importlib.util.find_spec("flax") is None:
    raise ImportError(sentence_on_missing("selectax.study", "flax"))

# The names are listed in `__init__.pyi`, which type checkers read too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
