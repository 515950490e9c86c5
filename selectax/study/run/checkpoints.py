"""Checkpoints of a population: Orbax writes them asynchronously and keeps the last two."""

import dataclasses
import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

Tree = TypeVar("Tree")

_DAMAGED = "damaged_"
# Special characters of glob, backslashes, and bytes that are not UTF-8.
_MISREAD = re.compile(r"[][*?{}\\\udc80-\udcff]")


class CheckpointError(OSError):
    """A checkpoint cannot be written; one sentence that names the folder and the remedy."""


class Checkpoints:
    """Reads and writes the checkpoints in a folder."""

    def __init__(
        self, folder: Path, manager: ocp.CheckpointManager, warn: Callable[[str], None]
    ) -> None:
        self._folder, self._manager, self._warn = folder, manager, warn
        self._written: int | None = None

    def save(self, step: int, tree: Tree) -> None:
        """Writes a checkpoint asynchronously, after the previous one is complete.

        The last two complete checkpoints are kept. An incomplete checkpoint is never restored.

        Args:
          step: number of the checkpoint.
          tree: arrays to write.

        Raises:
          CheckpointError: this checkpoint or the previous one cannot be written.
        """
        if jax.default_backend() == "cpu":
            # On the CPU, Orbax would read buffers that training is about to overwrite.
            tree = _copied(tree)
        with self._named_errors():
            self._wait()
            self._manager.save(step, args=ocp.args.StandardSave(tree))
            self._written = step

    def finish(self) -> None:
        """Waits until the last checkpoint is complete, and checks its metadata.

        Raises:
          CheckpointError: the checkpoint cannot be written.
        """
        with self._named_errors():
            self._wait()

    def close(self) -> None:
        """Waits until the last checkpoint is complete, and closes Orbax's manager.

        Raises:
          CheckpointError: the checkpoint cannot be written.
        """
        with self._named_errors():
            self._wait()
            self._manager.close()

    def latest_step(self) -> int | None:
        """The step of the latest complete checkpoint; None if the folder has none."""
        return self._manager.latest_step()

    def restore(self, like: Tree, *, may_lack: str | None = None) -> tuple[int, Tree]:
        """Restores the latest complete checkpoint.

        A damaged checkpoint is renamed with a warning, and the previous one is restored.

        Args:
          like: a tree with the structure, shapes, dtypes and shardings of the checkpoint.
          may_lack: attribute of `like`, a dataclass of arrays; fields of it that the checkpoint of
            an earlier version lacks keep their values in `like`.

        Returns:
          The step and the tree of the checkpoint; (0, like) if the folder has none.

        Raises:
          ValueError: the checkpoint has a different structure or different shapes.
        """
        shapes: Any = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)

        def read(step):
            if may_lack is None:
                return self._read(step, shapes)
            there = self._manager.item_metadata(step).tree[may_lack]
            fields = {name: getattr(getattr(shapes, may_lack), name) for name in there}
            found = self._read(step, dataclasses.replace(shapes, **{may_lack: fields}))
            whole = dataclasses.replace(getattr(like, may_lack), **getattr(found, may_lack))
            return dataclasses.replace(found, **{may_lack: whole})

        found = self._latest(read)
        return (0, like) if found is None else found

    def restore_as_it_is(self) -> dict[str, Any] | None:
        """Restores the latest complete checkpoint as dicts of NumPy arrays.

        This does not need the devices on which the checkpoint was written.

        Returns:
          The tree of the checkpoint; None if the folder has none.
        """
        found = self._latest(self._read_as_it_is)
        return None if found is None else found[1]

    def _wait(self):
        """Waits until the pending checkpoint is complete, and checks that it can be read."""
        step, self._written = self._written, None
        self._manager.wait_until_finished()
        if step is not None and jax.process_index() == 0:
            # Orbax may commit a checkpoint that lacks the manifest of its arrays.
            self._manager.item_metadata(step)

    def _read(self, step, like):
        return self._manager.restore(step, args=ocp.args.StandardRestore(like))

    def _read_as_it_is(self, step):
        def place(leaf):
            return np.empty(leaf.shape, leaf.dtype)

        return self._read(step, jax.tree.map(place, self._manager.item_metadata(step).tree))

    def _latest(self, read: Callable[[int], Any]) -> tuple[int, Any] | None:
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                return step, read(step)
            # A damaged file can make Orbax and its dependencies raise any exception.
            except Exception as error:
                if self._is_whole(step):
                    raise
                aside = self._folder / f"{_DAMAGED}{step}"
                if jax.process_index() == 0:
                    (self._folder / str(step)).rename(aside)
                self._manager.reload()
                self._warn(
                    f"{self._folder / str(step)}: is damaged "
                    f"({type(error).__name__}: {_line(error)}); it was renamed to {aside.name}, "
                    "and the previous checkpoint is used."
                )
        return None

    def _is_whole(self, step: int) -> bool:
        try:
            self._read_as_it_is(step)
        except Exception:
            return False
        return True

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        # A full disk or a missing folder raises various exceptions in threads and libraries.
        except Exception as error:
            full = os.strerror(errno.ENOSPC)
            reason = full if full in str(error) else f"{type(error).__name__}: {_line(error)}"
            raise CheckpointError(
                f"{self._folder}: no checkpoint can be written ({reason}); free disk space or make "
                "the folder writable, and continue with --resume."
            ) from error


def _line(error: Exception) -> str:
    """The first 200 characters of the error message, on one line."""
    return " ".join(str(error).split())[:200]


@contextmanager
def open_checkpoints(folder: Path, warn: Callable[[str], None] = print) -> Iterator[Checkpoints]:
    """Opens a folder of checkpoints, and closes it after the last checkpoint is complete.

    Args:
      folder: where the checkpoints are; created if it does not exist.
      warn: called with a sentence about each damaged checkpoint.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with _name_for_orbax(folder) as name:
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=True)
        handler = ocp.StandardCheckpointHandler()
        manager = ocp.CheckpointManager(name, options=options, item_handlers=handler)
        checkpoints = Checkpoints(folder, manager, warn)
        try:
            yield checkpoints
        except BaseException:
            # close() would raise the background error again, without our message.
            with suppress(Exception):
                manager.close()
            raise
        checkpoints.close()


@contextmanager
def _name_for_orbax(folder: Path) -> Iterator[Path]:
    """Yields the folder, or a symbolic link to it if Orbax or TensorStore would misread its path.

    Orbax finds its files with `glob`, which interprets brackets, * and ?. TensorStore interprets a
    backslash as a slash, and accepts only paths that are valid UTF-8.
    """
    if not _MISREAD.search(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="selectax_") as links:
        # The name must be equal on all hosts, because Orbax uses it in the names of barriers.
        link = Path(links) / _MISREAD.sub("_", folder.name)
        link.symlink_to(folder, target_is_directory=True)
        yield link


@jax.jit
def _copied(tree: Tree) -> Tree:
    return jax.tree.map(jnp.copy, tree)
