"""Executes notebooks from a clean kernel and writes what they show into them.

A notebook's file changes in its outputs alone: no times, machine or versions are kept.
"""

import dataclasses
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import tyro
from nbclient import NotebookClient

HERE = Path(__file__).parent
# What a reader's Jupyter or Colab needs to start a kernel, and nothing of ours.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Executes notebooks from a clean kernel and writes what they show into them."""

    notebooks: tyro.conf.Positional[tuple[Path, ...]] = tuple(sorted(HERE.glob("*.ipynb")))
    """Files; by default all of colab/."""


def with_parameters(
    notebook: nbformat.NotebookNode, parameters: Mapping[str, Any]
) -> nbformat.NotebookNode:
    """A copy that sets other values after its cell with the tag "parameters", as papermill does.

    Raises:
      ValueError: there is no such cell, or it does not set one of the names.
    """
    copy = nbformat.from_dict(notebook)
    tagged = [
        at for at, cell in enumerate(copy.cells) if "parameters" in cell.metadata.get("tags", ())
    ]
    if len(tagged) != 1:
        raise ValueError(f"{len(tagged)} cells have the tag parameters; give it to one.")
    named = {line.split(" = ")[0] for line in copy.cells[tagged[0]].source.splitlines()}
    if unknown := set(parameters) - named:
        raise ValueError(f"the cell of parameters does not set {', '.join(sorted(unknown))}.")
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    copy.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(source))
    return copy


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """A copy with the outputs of a new kernel that works in a folder.

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
    """The environment of this process, in which a notebook imports this copy of selectax."""
    return os.environ | {"PYTHONPATH": str(HERE.parent)}


def tidied(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without what tells of the machine or changes from one execution to the next."""
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
