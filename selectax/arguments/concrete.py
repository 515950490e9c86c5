"""Whether values are known while a function is traced, so that they can be checked."""

import jax


def is_concrete(*values) -> bool:
    """Whether none of the values, or of their leaves, is being traced."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))
