"""Executes notebooks from a clean kernel and writes their outputs into them.

Only the outputs of a notebook change: no times, machine or versions are kept.
"""

import dataclasses
import os
import sys
import tempfile
from pathlib import Path

import nbformat
import tyro
from nbclient import NotebookClient

HERE = Path(__file__).parent
# Jupyter and Colab need this to start a kernel; nothing of our machine is kept.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Executes notebooks from a clean kernel and writes their outputs into them."""

    notebooks: tyro.conf.Positional[tuple[Path, ...]] = tuple(sorted(HERE.glob("*.ipynb")))
    """Files; by default all notebooks in colab/."""


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """A copy with the outputs of a new kernel that runs in a folder.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell failed.
    """
    copy = nbformat.from_dict(notebook)
    client = NotebookClient(
        copy,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute(env=kernel_environment())


def kernel_environment() -> dict[str, str]:
    """The environment of this process, so that a notebook imports this copy of selectax."""
    return os.environ | {"PYTHONPATH": str(HERE.parent)}


def tidied(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without metadata that depends on the machine or changes between executions."""
    copy = nbformat.from_dict(notebook)
    copy.metadata = nbformat.from_dict(_METADATA)
    for cell in copy.cells:
        cell.metadata = {name: cell.metadata[name] for name in ("tags",) if name in cell.metadata}
    return copy


def main() -> int:
    options = tyro.cli(Options)
    for path in options.notebooks:
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            notebook = tidied(executed(notebook, Path(folder)))
        nbformat.write(notebook, path)
        print(f"Executed: {path} ({path.stat().st_size / 1e3:.0f} kB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
