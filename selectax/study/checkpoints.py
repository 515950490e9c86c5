"""Checkpoints of a population, by Orbax: atomic, and the last two are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import jax
import orbax.checkpoint as ocp

Tree = TypeVar("Tree")


class Checkpoints:
    """The checkpoints in a folder."""

    def __init__(self, manager: ocp.CheckpointManager):
        self._manager = manager

    def save(self, step: int, tree: Tree) -> None:
        """Writes a checkpoint; it counts once it is complete."""
        self._manager.save(step, args=ocp.args.StandardSave(tree))

    def restore(self, like: Tree) -> tuple[int, Tree]:
        """Latest complete checkpoint: its step and its tree; (0, like) if there is none.

        Args:
          like: a tree of the same structure, shapes and dtypes.
        """
        latest = self._manager.latest_step()
        if latest is None:
            return 0, like
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        return latest, self._manager.restore(latest, args=ocp.args.StandardRestore(shapes))

    def restore_as_it_is(self) -> dict | None:
        """Latest complete checkpoint as dicts of arrays; None if there is none."""
        if self._manager.latest_step() is None:
            return None
        return self._manager.restore(self._manager.latest_step(), args=ocp.args.StandardRestore())


@contextmanager
def open_checkpoints(folder: Path) -> Iterator[Checkpoints]:
    """Opens a folder of checkpoints."""
    # Not in the background: training would reuse the memory that is still being written.
    options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    with ocp.CheckpointManager(folder.absolute(), options=options) as manager:
        yield Checkpoints(manager)
