"""The folder of a run: the paths of its files, its lock, and checks before a run starts."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selectax.study.configuration.config import flags_of
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import MethodOptions
from selectax.study.run.locks import Place, alone_at
from selectax.study.runtime.whole_files import whole_file

# Flags that choose the networks of a study. A resumed run may change them.
NETWORKS = ("alpha", "seeds", "first_seed", "training_strength")
# Number of devices that share a batch, which is no flag. Runs record it if results depend on it;
# runs of earlier versions did not.
DEVICES_PER_BATCH = "devices_per_batch"
# Flags that earlier versions did not have, and what they did.
ADDED_SINCE = {
    "attacks": ["fgsm", "pgd"],
    "warmup_epochs": 0.0,
    "alpha_warmup_epochs": 0.0,
    **flags_of(MethodOptions()),
}


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Paths of the files of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings that determine the results."""
        return self.path / "config.json"

    @property
    def layers(self) -> Path:
        """Number of units of each layer, in order of depth."""
        return self.path / "layers.json"

    @property
    def images(self) -> Path:
        """Number of images for each purpose, such as training and test."""
        return self.path / "images.json"

    @property
    def networks(self) -> Path:
        """Groups of networks that are trained together, and the measures done for each network."""
        return self.path / "networks.json"

    def checkpoints(self, group: int = 0) -> Path:
        """Checkpoints of a group of networks after each of the last epochs."""
        return self.path / (f"checkpoints_{group + 1}" if group else "checkpoints")

    @property
    def lock(self) -> Path:
        """Lock file, held by the process that uses the folder."""
        return self.path / ".lock"

    @property
    def soft_lock(self) -> Path:
        """File whose existence replaces the lock on file systems without locks."""
        return self.path / ".lock_file"

    @property
    def results(self) -> Path:
        """The tidy results table, as CSV."""
        return self.path / "results.csv"

    @property
    def results_in_parquet(self) -> Path:
        """The same table as Parquet, written at the end of a sweep."""
        return self.results.with_suffix(".parquet")

    @property
    def unit_values(self) -> Path:
        """Measurements of individual units."""
        return self.path / "units.parquet"

    @property
    def curves_csv(self) -> Path:
        """Training metrics of each network after each epoch."""
        return self.path / "curves.csv"

    @property
    def curves_of_tensorboard(self) -> Path:
        """The same metrics as TensorBoard event files, in one folder per network."""
        return self.path / "curves"

    @property
    def figures(self) -> Path:
        """Figures drawn from the results table."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """Findings, figures and tables on one page."""
        return self.path / "report.html"


def holds_run(path: Path) -> bool:
    """Whether a folder holds a run that can be resumed."""
    return RunFolder(path).config.exists()


def training_method_of(folder: RunFolder) -> str:
    """Name of the training method of a run; "standard" if its configuration does not tell."""
    default = MethodOptions().training_method
    return _read_object(folder.config).get("training_method", default)


def check_folder(path: Path, config: dict[str, Any], *, resume: bool) -> RunFolder:
    """Checks that a folder is free for a new run, or holds the run to resume.

    Args:
      path: the folder; it need not exist.
      config: configuration of the run.
      resume: whether to resume the run in the folder, if any.

    Returns:
      The paths of the run's files.

    Raises:
      ConfigurationError: the folder holds a run and `resume` is False, a run with a different
        configuration, or files of something else; one sentence that names the flag, the value and
        the remedy.
    """
    folder = RunFolder(path)
    if folder.config.exists():
        if not resume:
            raise ConfigurationError(
                f"--output {path}: already holds a run; continue it with --resume, or choose "
                "another folder."
            )
        _check_same(path, config, _read_object(folder.config))
    elif path.exists() and not _is_empty(folder):
        raise ConfigurationError(
            f"--output {path}: holds files but no run (config.json is missing); choose an empty "
            "folder."
        )
    return folder


@contextmanager
def alone_in(path: Path, warn: Callable[[str], None] = print) -> Iterator[None]:
    """Locks a folder for this process.

    The folder is removed if the run is refused (the body raises a ValueError) before it writes a
    file.

    Args:
      path: the folder; created if it does not exist.
      warn: called with a sentence if the file system has no locks and a file replaces the lock.

    Raises:
      ConfigurationError: another process uses the folder, or the folder cannot be written.
    """
    folder = RunFolder(path)
    place = Place(path, "folder", "sweep", folder.lock, folder.soft_lock)
    refused = False
    try:
        with alone_at(place, warn):
            try:
                yield
            except ValueError:
                refused = True
                raise
    finally:
        # Keep the folder if the run was interrupted, for --resume.
        if refused and path.is_dir() and _is_empty(folder):
            shutil.rmtree(path, ignore_errors=True)


def check_images(folder: RunFolder, counts: Mapping[str, int]) -> None:
    """Checks that a resumed run has the same numbers of images as when it was started.

    Args:
      folder: folder of the run; runs of earlier versions did not record the number of images, and
        are not checked.
      counts: current number of images for each purpose.

    Raises:
      ConfigurationError: a number of images differs.
    """
    if not folder.images.exists():
        return
    before = _read_object(folder.images)
    differing = [
        f"{now:,} {purpose} images instead of {before.get(purpose, 0):,}"
        for purpose, now in counts.items()
        if before.get(purpose) != now
    ]
    if differing:
        raise ConfigurationError(
            f"--archives: differ from those of the run --output {folder.path} "
            f"({', '.join(differing)}); give the archives with which the run was started, or "
            "choose another folder."
        )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file atomically."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, content: str) -> None:
    """Writes a text file in UTF-8 atomically."""
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
    """Checks that two configurations agree in everything but their alphas and seeds.

    Raises:
      ConfigurationError: the configurations differ.
    """
    before, config = {**ADDED_SINCE, **before}, {**ADDED_SINCE, **config}
    differing = [
        f"--{name.replace('_', '-')} (was {before.get(name)}, now {config.get(name)})"
        for name in {**before, **config}
        if before.get(name) != config.get(name) and name not in (*NETWORKS, DEVICES_PER_BATCH)
    ]
    if differing:
        raise ConfigurationError(
            f"--output {path}: holds a run whose configuration differs in {', '.join(differing)}; "
            "give the same flags, or choose another folder."
        )
    devices = config.get(DEVICES_PER_BATCH)
    if devices != (shared := before.get(DEVICES_PER_BATCH, devices)):
        raise ConfigurationError(
            f"--output {path}: holds a run with --batch-norm per-device or --micro-batches in "
            f"which the number of devices for each batch is {shared}, not {devices}; give a --mesh "
            f"whose second number is {shared}, or choose another folder."
        )
