"""Sweeps in processes of their own, and what tests of them have in common."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests import xla

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, str(ROOT / "experiments" / "sweep.py")]
PROGRAM = """
import sys
from experiments import sweep
from selectax import models
from tests.study.tiny import TinyNetwork

models.create = lambda name, num_classes: TinyNetwork(num_classes)
sys.argv[0] = "sweep.py"
sys.exit(sweep.main())
"""
WITH_ALL_FIGURES = 'import sys\nsys.argv.remove("--no-report")\n' + PROGRAM
SMALL = (
    *("--train-limit", "70", "--batch-size", "16", "--alpha", "-1", "2"),
    *("--seeds", "2", "--evaluation-images", "40", "--evaluation-batch-size", "16"),
    *("--measures", "selectivity", "corruptions", "--corruptions", "contrast"),
    "--no-report",
)


def start(*arguments, devices, epochs=3, program=PROGRAM, stderr=subprocess.STDOUT):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XLA_FLAGS": xla.flags(devices),
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-c", program, *SMALL, "--epochs", str(epochs), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
    )


def start_hosts(folder, *arguments):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    where = ("--output", folder, "--coordinator", f"localhost:{port}", "--hosts", 2)
    return [start(*arguments, *where, "--host", host, devices=2) for host in (0, 1)]


def finished(processes):
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return outputs


def run_command(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, **options
    )


def assert_one_sentence(text, *words):
    """A line that ends with a period; a question in it proposes the nearest name."""
    assert text.endswith(".\n")
    assert text.count("\n") == 1
    assert ". " not in text
    assert "Traceback" not in text
    for word in words:
        assert str(word) in text
