"""Waiting for the devices so that Ctrl-C is heard, and fetching what lies on them."""

import time
from typing import TypeVar

import jax
from jax.experimental import multihost_utils

Tree = TypeVar("Tree")


def wait(tree: Tree) -> None:
    """Until all arrays are computed; unlike `jax.block_until_ready`, it can be interrupted."""
    while not all(leaf.is_ready() for leaf in jax.tree.leaves(tree)):
        time.sleep(0.002)


def fetch(tree: Tree) -> Tree:
    """Arrays as NumPy's, once they are computed, whole where several hosts hold their parts."""
    wait(tree)

    def whole(leaf):
        if leaf.is_fully_addressable:
            return jax.device_get(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return jax.tree.map(whole, tree)
