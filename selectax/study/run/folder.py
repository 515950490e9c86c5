"""The folder of a run: which files it holds, and to which configuration they belong."""

import dataclasses
import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.runtime.whole_files import whole_file

# Flags that say which networks a study has, and nothing of any one of them.
NETWORKS = ("alpha", "seeds", "first_seed")
# Flags that earlier versions did not have, and what they did.
ADDED_SINCE = {"attacks": ["fgsm", "pgd"]}


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files."""

    path: Path

    @property
    def config(self) -> Path:
        """What determines the results."""
        return self.path / "config.json"

    @property
    def layers(self) -> Path:
        """Number of units of each layer, in order of depth."""
        return self.path / "layers.json"

    @property
    def images(self) -> Path:
        """How many images networks are trained and measured on."""
        return self.path / "images.json"

    @property
    def networks(self) -> Path:
        """Groups of networks that are trained together."""
        return self.path / "networks.json"

    def checkpoints(self, group: int = 0) -> Path:
        """Networks of a group after each of the last epochs."""
        return self.path / (f"checkpoints_{group + 1}" if group else "checkpoints")

    @property
    def lock(self) -> Path:
        """Held by the process that works in the folder."""
        return self.path / ".lock"

    @property
    def soft_lock(self) -> Path:
        """A file in place of the lock, on file systems that have none."""
        return self.path / ".lock_file"

    @property
    def results(self) -> Path:
        """The tidy table."""
        return self.path / "results.csv"

    @property
    def results_in_parquet(self) -> Path:
        """The same table, at the end of a sweep."""
        return self.results.with_suffix(".parquet")

    @property
    def unit_values(self) -> Path:
        """What is measured of every single unit."""
        return self.path / "units.parquet"

    @property
    def curves_csv(self) -> Path:
        """Figures of each network after each epoch."""
        return self.path / "curves.csv"

    @property
    def curves_of_tensorboard(self) -> Path:
        """The same as TensorBoard's event files, a folder a network."""
        return self.path / "curves"

    @property
    def figures(self) -> Path:
        """Figures drawn from the table."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """Findings, figures and tables on one page."""
        return self.path / "report.html"


def holds_run(path: Path) -> bool:
    """Whether there is a run in a folder to go on with."""
    return RunFolder(path).config.exists()


def check_folder(path: Path, config: dict[str, Any], *, resume: bool) -> RunFolder:
    """Looks whether a folder is free for a new run, or holds the run to go on with.

    Raises:
      ConfigurationError: the folder holds another run, a run of another configuration, or other
        files; one sentence that names the flag, the value and the remedy.
    """
    folder = RunFolder(path)
    if folder.config.exists():
        if not resume:
            raise ConfigurationError(
                f"--output {path}: holds a run already; go on with it by --resume, or choose "
                "another folder."
            )
        _check_same(path, config, _read_object(folder.config))
    elif path.exists() and not _is_empty(folder):
        raise ConfigurationError(
            f"--output {path}: holds files but no config.json of a run; choose an empty folder."
        )
    return folder


@contextmanager
def alone_in(path: Path, warn: Callable[[str], None] = print) -> Iterator[None]:
    """Holds a folder, which is made if need be, for this process.

    It is removed again if the run is refused within, and nothing was written.

    Args:
      path: the folder.
      warn: told if the file system has no locks, so that a file has to do as one.

    Raises:
      ConfigurationError: another process works in it, or it cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = _locked(path, warn)
    except Timeout as held:
        # A file that does as a lock outlives a process that was killed on another host.
        soft = Path(held.lock_file) != RunFolder(path).lock
        remove = f", or remove {Path(held.lock_file).name} if none does" if soft else ""
        raise ConfigurationError(
            f"--output {path}: another sweep works in it; wait for its end{remove}, or choose "
            "another folder."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"--output {path}: cannot be written ({error.strerror}); choose another folder."
        ) from None
    refused = False
    try:
        yield
    except ValueError:
        refused = True
        raise
    finally:
        lock.release()
        # That of a run that was interrupted stays, for --resume.
        if refused and path.is_dir() and _is_empty(RunFolder(path)):
            shutil.rmtree(path, ignore_errors=True)


def _locked(path: Path, warn: Callable[[str], None]) -> BaseFileLock:
    """A lock that the system releases whenever the process ends, or else a file.

    Raises:
      Timeout: another process holds it.
      OSError: no file can be made in the folder.
    """
    folder = RunFolder(path)
    lock: BaseFileLock
    if _has_locks(path):
        lock = FileLock(folder.lock, timeout=0)
        lock.acquire()
        return lock
    lock = SoftFileLock(folder.soft_lock, timeout=0)
    lock.acquire()
    warn(
        f"--output {path}: its file system has no locks, and {folder.soft_lock.name} takes the "
        "place of one; do not start another sweep in this folder from another machine."
    )
    return lock


def _has_locks(path: Path) -> bool:
    """Whether the file system of a folder that can be written knows `flock`."""
    with tempfile.TemporaryFile(dir=path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Nobody else can hold it, because nobody else knows the file.
            return False
    return True


def check_images(folder: RunFolder, counts: Mapping[str, int]) -> None:
    """Refuses to go on with a run on other images than it was begun with.

    Args:
      folder: of the run; one of an earlier version does not say how many its images are.
      counts: number of images now, by their purpose.

    Raises:
      ConfigurationError: the run has others.
    """
    if not folder.images.exists():
        return
    before = _read_object(folder.images)
    before = {**ADDED_SINCE, **before}
    differing = [
        f"{now:,} {purpose} images, there {before.get(purpose, 0):,}"
        for purpose, now in counts.items()
        if before.get(purpose) != now
    ]
    if differing:
        raise ConfigurationError(
            f"--archives: these have {'; '.join(differing)} in --output {folder.path}; name the "
            "archives that the run was begun with, or choose another folder."
        )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file wholly or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, content: str) -> None:
    """Writes a file wholly or not at all."""
    with whole_file(path, "w", encoding="utf-8") as file:
        file.write(content)


def _is_empty(folder: RunFolder) -> bool:
    ours = (folder.lock, folder.soft_lock)
    return all(file.suffix == ".partial" or file in ours for file in folder.path.iterdir())


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"--output {path.parent}: its {path.name} cannot be read; choose another folder."
        )
    return content


def _check_same(path: Path, config: dict[str, Any], before: dict[str, Any]) -> None:
    """Refuses a configuration that would measure otherwise; alphas and seeds may be others.

    Raises:
      ConfigurationError: the configurations differ.
    """
    before = {**ADDED_SINCE, **before}
    differing = [
        f"--{name.replace('_', '-')} (there {before.get(name)}, now {config.get(name)})"
        for name in {**before, **config}
        if before.get(name) != config.get(name) and name not in NETWORKS
    ]
    if differing:
        raise ConfigurationError(
            f"--output {path}: holds a run of another configuration, which differs in "
            f"{', '.join(differing)}; give the same flags, or choose another folder."
        )
