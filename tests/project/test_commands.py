"""The commands of the README, of two pages and of two studies run, in a new home and folder."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from selectax.models import MODELS
from tests.project.markdown import commands

ROOT = pathlib.Path(__file__).parents[2]
STUDIES = ROOT / "experiments" / "studies"
# Other studies' commands have only other names: tests/experiments/test_studies.py reads those.
PAGES = [
    *(ROOT / page for page in ("README.md", "docs/runs.md", "docs/studies.md")),
    *(STUDIES / name / "README.md" for name in ("resnet8_cifar10", "resnet18_tiny_imagenet")),
]
# CI itself begins with these.
SET_UP = ('pip install -e ".[study]"', 'pip install -e ".[test]"', "pytest")
# Hours of work are planned alone, and of batches for accelerators small ones.
PLANNED = ("sweep", "study")


def arranged(words):
    """What is run for a command: on the subsets of the data, a small network, no hours of it."""
    script, *flags = words[1:]
    if pathlib.Path(script).stem in PLANNED:
        if "--model" in words:
            at = words.index("--model")
            assert words[at + 1] in MODELS
            words = words[:at] + words[at + 2 :]
        words = words if "--dry-run" in flags else [*words, "--dry-run"]
        if "--resume" not in flags:  # which goes on with the same batches
            if "--batch-size" in words:
                at = words.index("--batch-size")
                words = words[:at] + words[at + 2 :]
            words = [*words, "--batch-size", "8", "--model", "resnet8"]
    if not flags or "photos" in flags:  # the embedded digits, or photographs
        return words
    of_subsets = [] if "--archives" in flags else ["--archives", "~/archives"]
    unverified = [] if "--allow-unverified-archives" in flags else ["--allow-unverified-archives"]
    return [*words, *of_subsets, *unverified]


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory, real_data):
    """A folder with the scripts and a photograph in it, and a home with the archives."""
    home, folder = (tmp_path_factory.mktemp(name) for name in ("home", "folder"))
    (home / "archives").symlink_to(real_data, target_is_directory=True)
    ignored = shutil.ignore_patterns("__pycache__", "checkpoints*", "figures")
    shutil.copytree(ROOT / "experiments", folder / "experiments", ignore=ignored)
    (folder / "photos").mkdir()
    Image.radial_gradient("L").convert("RGB").save(folder / "photos" / "sun.png")
    return folder, os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name + page.stem)
def test_commands_run(page, somewhere):
    folder, environment = somewhere
    lines = []
    for command in commands(page):
        if command in SET_UP:
            continue
        words = shlex.split(command, comments=True)
        assert words[0] == "python", command
        lines.append(" ".join(arranged(words)).replace("python", sys.executable, 1))
    for line in dict.fromkeys(lines):
        done = subprocess.run(
            line, shell=True, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
