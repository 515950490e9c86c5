"""Waiting for the devices so that Ctrl-C is heard, and fetching what lies on them."""

import functools
import time
from typing import TypeVar

import jax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

Tree = TypeVar("Tree")


def wait(tree: Tree) -> None:
    """Until all arrays are computed; unlike `jax.block_until_ready`, it can be interrupted."""
    while not all(leaf.is_ready() for leaf in jax.tree.leaves(tree)):
        time.sleep(0.002)


def fetch(tree: Tree) -> Tree:
    """Arrays as NumPy's, once they are computed, whole where several hosts hold their parts."""
    wait(tree)
    apart = [leaf.sharding for leaf in jax.tree.leaves(tree) if not leaf.is_fully_addressable]
    if apart:
        # One program for all: of several under way, hosts may meet in different ones for ever.
        tree = _on_all_devices(apart[0].mesh)(tree)
        wait(tree)
        tree = jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)
    return jax.device_get(tree)


@functools.cache
def _on_all_devices(mesh):
    return jax.jit(lambda tree: tree, out_shardings=NamedSharding(mesh, P()))
