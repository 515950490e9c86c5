"""Runs a program of one network for several networks at a time, each on a device of its own."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Int, PRNGKeyArray, UInt32

AXIS = "networks"

Tree = TypeVar("Tree")


def over_networks(
    *, each: Sequence[str], static: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function of one network a compiled program of several.

    The program takes keyword arguments only, and `mesh`, devices with the axis "networks", or None
    for a single network. Results, and the arguments in `each`, have the networks on their first
    axis. Each device computes what it would compute alone, so that results depend on the number of
    devices by rounding only.

    Args:
      each: names of the arguments that are different for each network.
      static: names of the arguments that are not arrays.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def program(*, mesh: Mesh | None = None, **arguments: Any) -> Any:
            settings = {name: arguments.pop(name) for name in static}

            def of_device(arguments):
                one = {
                    name: jax.tree.map(lambda leaf: leaf[0], value) if name in each else value
                    for name, value in arguments.items()
                }
                return jax.tree.map(lambda leaf: leaf[None], function(**one, **settings))

            if mesh is None:
                return of_device(arguments)
            specs = {name: P(AXIS) if name in each else P() for name in arguments}
            # Loops begin with constants, which are the same on all devices.
            return jax.shard_map(
                of_device, mesh=mesh, in_specs=(specs,), out_specs=P(AXIS), check_vma=False
            )(arguments)

        # Not by functools.wraps, which would give the signature of `function` as well.
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(program, name, getattr(function, name))
        return jax.jit(program, static_argnames=(*static, "mesh"))

    return decorate


def key_of_batch(key: UInt32[Array, "..."], number: Int[Array, ""]) -> PRNGKeyArray:
    """PRNG key of one batch.

    Args:
      key: data of the network's key, because keys themselves cannot be NumPy arrays.
      number: number of the batch.
    """
    return jax.random.fold_in(jax.random.wrap_key_data(key), number)


def networks_of(mesh: Mesh | None) -> int:
    """Number of networks at a time."""
    return 1 if mesh is None else mesh.size


def place(tree: Tree, mesh: Mesh | None) -> Tree:
    """Puts each network's part of arrays, along the first axis, on its device."""
    return jax.device_put(tree, None if mesh is None else NamedSharding(mesh, P(AXIS)))


def for_each(tree: Tree, mesh: Mesh | None) -> Tree:
    """Puts NumPy arrays on each device, with the networks on a new first axis."""
    networks = networks_of(mesh)
    copies = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (networks, *leaf.shape)), tree)
    return place(copies, mesh)


def stack(trees: Sequence[Tree], mesh: Mesh | None) -> Tree:
    """Stacks the variables of networks, and puts each network's on its device.

    If there are fewer networks than devices, the last one fills the rest.
    """
    filled = [*trees, *[trees[-1]] * (networks_of(mesh) - len(trees))]
    return place(jax.tree.map(lambda *leaves: _stack(leaves), *filled), mesh)


def _stack(leaves: Sequence[Any]) -> Any:
    if jax.dtypes.issubdtype(jnp.result_type(leaves[0]), jax.dtypes.prng_key):
        return jnp.stack(leaves)
    return np.stack([np.asarray(leaf) for leaf in leaves])
