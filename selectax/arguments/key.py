"""Checks of PRNG keys."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

_WORDS = {2: "threefry2x32", 4: "rbg"}  # number of words in a key's raw data


def checked_key(key: PRNGKeyArray, name: str = "key") -> PRNGKeyArray:
    """A typed PRNG key; a raw uint32 key is converted to a typed key that draws the same numbers.

    Args:
      key: a typed key (`jax.random.key`) or a raw one (`jax.random.PRNGKey`); it can be traced.
      name: name of the argument, for errors.

    Raises:
      TypeError: key is not a PRNG key, for example an integer.
      ValueError: key is an array of several keys.
    """
    if not isinstance(key, jax.Array | np.ndarray):
        given = f"the integer {key}" if isinstance(key, int | np.integer) else type(key).__name__
        seed = key if isinstance(key, int | np.integer) else 0
        raise TypeError(f"{name} must be a PRNG key, not {given}; give jax.random.key({seed}).")
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        shape = key.shape
    elif key.dtype == np.uint32 and key.ndim and key.shape[-1] in _WORDS:
        shape = key.shape[:-1]
        if not shape:
            key = jnp.asarray(key)
            try:
                key = jax.random.wrap_key_data(key)
            except TypeError:  # the raw data of another implementation than the default
                key = jax.random.wrap_key_data(key, impl=_WORDS[len(key)])
    else:
        raise TypeError(
            f"{name} must be a PRNG key, not an array of {key.dtype} and shape {key.shape}; "
            "give jax.random.key(0)."
        )
    if shape:
        raise ValueError(
            f"{name} must be a single PRNG key, not keys of shape {shape}; map over them with "
            "jax.vmap."
        )
    return key
