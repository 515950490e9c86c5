"""The precision of matrix products while networks are measured."""

import contextlib

import jax


def exact_products() -> contextlib.AbstractContextManager[None]:
    """Sets float32 matrix products. TPUs and GPUs otherwise round by more than small epsilons."""
    return jax.default_matmul_precision("float32")
