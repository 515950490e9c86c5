"""Class selectivity, dimensionality and robustness of neural networks, in JAX.

The measures are pure functions of arrays and need only jax and numpy: `selectax.selectivity`,
`selectax.regularization`, `selectax.dimensionality`, `selectax.attacks`, `selectax.corruptions`.
`selectax.models` adds flax, `selectax.datasets` tensorflow-datasets, and `selectax.study` runs the
experiment of Leavitt & Morcos 2020 (arXiv 2007.04440) with them.
"""
