"""Waiting for arrays in a way that Ctrl-C can interrupt, and fetching arrays from devices."""

import functools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import jax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

Tree = TypeVar("Tree")

_STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class Abandoned(BaseException):
    """Nobody needs the arrays any more that a thread waits for."""


@contextmanager
def abandoned_on(stop: threading.Event) -> Iterator[None]:
    """Makes `wait` raise `Abandoned` in this thread once an event is set."""
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def wait(tree: Tree) -> None:
    """Waits until all arrays are ready; unlike `jax.block_until_ready`, it can be interrupted.

    Raises:
      Abandoned: if the event of `abandoned_on` is set.
    """
    stop = _STOP.get()
    while not all(leaf.is_ready() for leaf in jax.tree.leaves(tree)):
        if stop is not None and stop.is_set():
            raise Abandoned
        time.sleep(0.002)


def fetch(tree: Tree) -> Tree:
    """Returns arrays as NumPy arrays once they are ready; gathers the parts held by other hosts."""
    wait(tree)
    apart = [leaf.sharding for leaf in jax.tree.leaves(tree) if not leaf.is_fully_addressable]
    if apart:
        # Gather all arrays in one program; otherwise hosts deadlock in different collectives.
        tree = _on_all_devices(apart[0].mesh)(tree)
        wait(tree)
        tree = jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)
    return jax.device_get(tree)


@functools.cache
def _on_all_devices(mesh):
    return jax.jit(lambda tree: tree, out_shardings=NamedSharding(mesh, P()))
