"""Checkpoints of a population, by Orbax: written while training goes on, and the last two kept."""

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
# Patterns of glob, backslashes, and bytes that are not UTF-8.
_MISREAD = re.compile(r"[][*?{}\\\udc80-\udcff]")


class CheckpointError(OSError):
    """A sentence that names the folder in which no checkpoint can be written, and the remedy."""


class Checkpoints:
    """The checkpoints in a folder."""

    def __init__(
        self, folder: Path, manager: ocp.CheckpointManager, warn: Callable[[str], None]
    ) -> None:
        self._folder, self._manager, self._warn = folder, manager, warn
        self._written: int | None = None

    def save(self, step: int, tree: Tree) -> None:
        """Writes a checkpoint in the background; it counts, and the one before goes, once complete.

        Raises:
          CheckpointError: this one, or the one before, cannot be written.
        """
        if jax.default_backend() == "cpu":
            # There the background reads the very memory that training is about to reuse.
            tree = jax.tree.map(jnp.copy, tree)
        with self._named_errors():
            self._wait()
            self._manager.save(step, args=ocp.args.StandardSave(tree))
            self._written = step

    def finish(self) -> None:
        """Waits until the last checkpoint is complete, and reads its metadata back.

        Raises:
          CheckpointError: it cannot be written.
        """
        with self._named_errors():
            self._wait()

    def close(self) -> None:
        """Waits until the last checkpoint is complete, and takes no more.

        Raises:
          CheckpointError: it cannot be written.
        """
        with self._named_errors():
            self._wait()
            self._manager.close()

    def latest_step(self) -> int | None:
        """Of the latest complete checkpoint; None if there is none."""
        return self._manager.latest_step()

    def restore(self, like: Tree) -> tuple[int, Tree]:
        """Latest complete checkpoint: its step and its tree; (0, like) if there is none.

        A damaged one is set aside with a warning, and the one before is taken.

        Args:
          like: a tree of the same structure, shapes, dtypes and places on the devices.

        Raises:
          ValueError: the checkpoint is of another structure or other shapes.
        """
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        found = self._latest(lambda step: self._read(step, shapes))
        return (0, like) if found is None else found

    def restore_as_it_is(self) -> dict[str, Any] | None:
        """Latest complete checkpoint as dicts of NumPy arrays; None if there is none.

        The devices on which it was written need not be there.
        """
        found = self._latest(self._read_as_it_is)
        return None if found is None else found[1]

    def _wait(self):
        """Waits until the checkpoint under way is complete, and checks that it can be read."""
        step, self._written = self._written, None
        self._manager.wait_until_finished()
        if step is not None and jax.process_index() == 0:
            # Orbax may commit a checkpoint without the manifest of its arrays.
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
            # Whatever a damaged file makes Orbax and what it builds on raise.
            except Exception as error:
                if self._is_whole(step):
                    raise
                aside = self._folder / f"{_DAMAGED}{step}"
                if jax.process_index() == 0:
                    (self._folder / str(step)).rename(aside)
                self._manager.reload()
                self._warn(
                    f"{self._folder / str(step)}: is damaged "
                    f"({type(error).__name__}: {_line(error)}); it is now {aside.name}, and the "
                    "checkpoint before it is taken."
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
        # Of a full disk, a folder that vanished, and the like, from threads and libraries below.
        except Exception as error:
            full = os.strerror(errno.ENOSPC)
            reason = full if full in str(error) else f"{type(error).__name__}: {_line(error)}"
            raise CheckpointError(
                f"{self._folder}: no checkpoint can be written ({reason}); make room or the folder "
                "writable, and go on with --resume."
            ) from error


def _line(error: Exception) -> str:
    """The beginning of what it says, in one line."""
    return " ".join(str(error).split())[:200]


@contextmanager
def open_checkpoints(folder: Path, warn: Callable[[str], None] = print) -> Iterator[Checkpoints]:
    """Opens a folder of checkpoints.

    Args:
      folder: made if need be.
      warn: told of damaged checkpoints.
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
            # close() would raise a background error again, in its own words.
            with suppress(Exception):
                manager.close()
            raise
        checkpoints.close()


@contextmanager
def _name_for_orbax(folder: Path) -> Iterator[Path]:
    """The folder, or a link to it if Orbax or TensorStore would misread its path.

    Orbax looks for its files by `glob`, in which brackets, * and ? are patterns; TensorStore takes
    a backslash for a slash, and paths in UTF-8 only.
    """
    if not _MISREAD.search(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="selectax_") as links:
        # The same name on all hosts, because Orbax names barriers after it.
        link = Path(links) / _MISREAD.sub("_", folder.name)
        link.symlink_to(folder, target_is_directory=True)
        yield link
