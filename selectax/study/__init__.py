"""The experiment of Leavitt & Morcos 2020: training, measurement, tables, figures and reports."""

import importlib.util

if importlib.util.find_spec("flax") is None:
    raise ImportError(
        'selectax.study needs flax, which is not installed; run pip install "selectax[study]".'
    )
