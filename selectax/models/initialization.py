"""Initial weights of a network, drawn by one call.

Flax draws the weights of each layer by a program of its own. Compiling these programs takes longer
than all else that `init` does.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

# What is not drawn, by the names that Flax gives to the arrays of its layers.
_CONSTANTS = {"bias": 0.0, "scale": 1.0, "mean": 0.0, "var": 1.0}
_KERNEL = "kernel"
# Standard deviation of a standard normal distribution that is truncated at ±2.
_TRUNCATED_DEVIATION = 0.87962566103423978


class _Leaf(NamedTuple):
    """An array of the network, by its name and shape."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def deviation(self) -> float:
        """Standard deviation of Kaiming normal weights over the fan-in (He et al. 2015, eq. 10)."""
        return math.sqrt(2 / math.prod(self.shape[:-1]))


class DrawnAtOnce(nn.Module):
    """Base of networks whose `init` draws all weights by one call.

    Kernels are Kaiming normal over the fan-in and truncated at two standard deviations, as
    `flax.linen.initializers.he_normal` draws them, but the same key gives other weights. Biases and
    running means are 0, scales and running variances 1. All of them are float32.
    """

    @nn.nowrap
    def init(self, rngs: PRNGKeyArray | Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Draws the variables.

        Args:
          rngs: a PRNG key, or a dict with one as "params".
          *args: arguments of the network, such as images. Only their shapes matter.
          **kwargs: options of the network or of `flax.linen.Module.init`.

        Returns:
          A dict of the variables, with "params" and, if there is batch norm, "batch_stats".
        """
        key = rngs["params"] if isinstance(rngs, Mapping) else rngs
        shapes = jax.eval_shape(functools.partial(super().init, **kwargs), rngs, *args)
        places, structure = jax.tree.flatten_with_path(shapes)
        leaves = tuple(_Leaf(path[-1].key, leaf.shape) for path, leaf in places)
        return jax.tree.unflatten(structure, _draw(key, leaves=leaves))


@functools.partial(jax.jit, static_argnames="leaves")
def _draw(key: PRNGKeyArray, *, leaves: tuple[_Leaf, ...]) -> list[Array]:
    total = sum(leaf.size for leaf in leaves if leaf.name == _KERNEL)
    drawn = jax.random.truncated_normal(key, -2, 2, (total,), jnp.float32)
    values, at = [], 0
    for leaf in leaves:
        if leaf.name == _KERNEL:
            kernel = drawn[at : at + leaf.size].reshape(leaf.shape)
            values.append(kernel * jnp.float32(leaf.deviation / _TRUNCATED_DEVIATION))
            at += leaf.size
        else:
            values.append(jnp.full(leaf.shape, _CONSTANTS[leaf.name], jnp.float32))
    return values
