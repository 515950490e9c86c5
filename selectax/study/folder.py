"""The folder of a run: which files it holds, and to which configuration they belong."""

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from selectax.study.config import ConfigurationError


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
    def checkpoints(self) -> Path:
        """Networks after each of the last epochs."""
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        """The tidy table."""
        return self.path / "results.csv"

    @property
    def figures(self) -> Path:
        """Figures drawn from the table."""
        return self.path / "figures"


def check_folder(path: Path, config: dict[str, Any], *, resume: bool) -> RunFolder:
    """Makes the folder of a new run, or finds that of the run to go on with.

    Raises:
      ConfigurationError: the folder holds another run, a run of another configuration, or cannot
        be written; one sentence that names the flag, the value and the remedy.
    """
    folder = RunFolder(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"--output {path}: cannot be written ({error.strerror}); choose another folder."
        ) from None
    if folder.config.exists():
        if not resume:
            raise ConfigurationError(
                f"--output {path}: holds a run already; go on with it by --resume, or choose "
                "another folder."
            )
        _check_same(path, config, _read_config(folder.config))
    elif any(file.suffix != ".partial" for file in path.iterdir()):
        raise ConfigurationError(
            f"--output {path}: holds files but no config.json of a run; choose an empty folder."
        )
    return folder


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file wholly or not at all."""
    beside = path.with_suffix(".partial")
    with beside.open("w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"--output {path.parent}: its config.json cannot be read; choose another folder."
        )
    return content


def _check_same(path: Path, config: dict[str, Any], before: dict[str, Any]) -> None:
    differing = [
        f"--{name.replace('_', '-')} (there {before.get(name)}, now {config.get(name)})"
        for name in {**before, **config}
        if before.get(name) != config.get(name)
    ]
    if differing:
        raise ConfigurationError(
            f"--output {path}: holds a run of another configuration, which differs in "
            f"{', '.join(differing)}; give the same flags, or choose another folder."
        )
