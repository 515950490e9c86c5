"""The experiment of Leavitt & Morcos 2020: training, measurement, tables, figures and reports."""

import importlib.util

from selectax.installing import sentence_on_missing

if importlib.util.find_spec("flax") is None:
    raise ImportError(sentence_on_missing("selectax.study", "flax"))
