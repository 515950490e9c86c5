"""Type checkers see the package as a user does, and report what a user gets wrong."""

import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CACHE = pathlib.Path(__file__).parents[2] / ".mypy_cache"  # else JAX is read anew each time

PROGRAM = """
import jax.numpy as jnp
import selectax
from jaxtyping import Array

activations = {"layer": jnp.zeros((4, 3))}
labels = jnp.zeros(4, int)
penalty: Array = selectax.selectivity_penalty(activations, labels, 10, alpha=-1.0)
index: dict[str, Array] = selectax.layer_selectivity(activations, labels, 10)
of_one: Array = selectax.layer_selectivity(activations["layer"], labels, 10)
ratio: Array = selectax.participation_ratio(index["layer"])
module = selectax.models.create("resnet8", 10)
"""
MISTAKES = {
    'selectax.selectivity_penalty(activations, labels, 10, alpha="-1")': '"alpha"',
    "selectax.selectivity_penalty(activations, labels, 10)": 'Missing named argument "alpha"',
    "selectax.selectivity_penalties": 'Module has no attribute "selectivity_penalties"',
    'selectax.response_matrix(activations["layer"], "rows")': "expected \"Literal['means'",
    "penalty_by_layer: dict[str, float] = selectax.class_selectivity_index(labels)": "Array",
    'selectax.models.create(10, "resnet8")': 'expected "str"',
}


def check(tmp_path, program):
    """Mypy's lines about a program, seen from outside of this repository."""
    path = tmp_path / "users.py"
    path.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", CACHE, path.name]
    *reported, _ = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path
    ).stdout.splitlines()
    return reported


def test_a_users_program_is_checked(tmp_path):
    assert check(tmp_path, PROGRAM) == []


def test_a_users_mistakes_are_reported(tmp_path):
    first = len(PROGRAM.splitlines()) + 1
    reported = check(tmp_path, PROGRAM + "\n".join(MISTAKES) + "\n")
    for number, expected in enumerate(MISTAKES.values(), start=first):
        assert any(line.startswith(f"users.py:{number}:") and expected in line for line in reported)
    assert all("error" in line or "note" in line for line in reported)
