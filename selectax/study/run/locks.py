"""Locks, so that two processes never write into one folder or one table."""

import fcntl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from selectax.study.configuration.errors import ConfigurationError


class Place(NamedTuple):
    """What a process has for itself.

    Attributes:
      path: the path, as the user gave it by --output.
      kind: what the path is, such as "folder".
      user: what the process does there, such as "sweep".
      lock: lock file, which the system releases when the process ends.
      soft_lock: file whose existence replaces the lock on file systems without locks.
    """

    path: Path
    kind: str
    user: str
    lock: Path
    soft_lock: Path


@contextmanager
def alone_at(place: Place, warn: Callable[[str], None] = print) -> Iterator[None]:
    """Holds the lock of a place, without waiting for it.

    Args:
      place: the place; the folder of its lock is created if it does not exist.
      warn: called with a sentence if the file system has no locks and a file replaces the lock.

    Raises:
      ConfigurationError: another process holds the lock, or no file can be written there.
    """
    path, kind, user, *_ = place
    try:
        place.lock.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(place, warn)
    except Timeout as held:
        # A file that replaces the lock remains if its process was killed on another host.
        soft = Path(held.lock_file) != place.lock
        remove = f", or remove {Path(held.lock_file).name} if no {user} is running" if soft else ""
        raise ConfigurationError(
            f"--output {path}: another {user} uses this {kind}; wait until it ends{remove}, or "
            f"choose another {kind}."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"--output {path}: cannot be written ({error.strerror}); choose another {kind}."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _locked(place: Place, warn: Callable[[str], None]) -> BaseFileLock:
    """Acquires a lock that the system releases when the process ends, or else creates a file.

    Raises:
      Timeout: another process holds the lock.
      OSError: no file can be created in the folder.
    """
    lock: BaseFileLock
    if _has_locks(place.lock.parent):
        lock = FileLock(place.lock, timeout=0)
        lock.acquire()
        return lock
    lock = SoftFileLock(place.soft_lock, timeout=0)
    lock.acquire()
    warn(
        f"--output {place.path}: its file system has no locks, so {place.soft_lock.name} is used "
        f"instead; do not start another {place.user} with this {place.kind} from another machine."
    )
    return lock


def _has_locks(path: Path) -> bool:
    """Whether the file system of a folder supports `flock`; raises OSError if it is read-only."""
    with tempfile.TemporaryFile(dir=path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # No other process can hold a lock on this file, because it was just created.
            return False
    return True
