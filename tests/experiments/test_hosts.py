"""Two processes with two devices each run one sweep: as one process would, and after a kill too."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from selectax.study.run import results

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from experiments import sweep
from selectax import models
from selectax.study.report import figures
from tests.study.tiny import TinyNetwork, draw_one

figures.draw_all = draw_one
models.create = lambda name, num_classes: TinyNetwork(num_classes)
sys.argv[0] = "sweep.py"
sys.exit(sweep.main())
"""
WITH_ALL_FIGURES = PROGRAM.replace("figures.draw_all = draw_one\n", "")
SMALL = (
    *("--train-limit", "70", "--batch-size", "16", "--alpha", "-1", "2"),
    *("--seeds", "2", "--evaluation-images", "40", "--attack-images", "13", "--epsilons", "4"),
    *("--evaluation-batch-size", "16", "--corruptions", "contrast", "--pgd-steps", "2"),
)


def start(*arguments, devices, epochs=3, program=PROGRAM):
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-c", program, *SMALL, "--epochs", str(epochs), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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


@pytest.fixture(scope="module")
def of_one_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    finished([start("--output", folder, "--mesh", "1x1", devices=1)])
    return results.load(folder / "results.csv")


@pytest.mark.parametrize(
    "arrangement",
    [
        ("--mesh", "2x2", "--curves", "csv"),
        ("--mesh", "1x4"),
        ("--mesh", "1x4", "--input", "stream"),
    ],
)
def test_two_hosts_give_the_table_of_one(of_one_process, tmp_path, arrangement):
    first, second = finished(start_hosts(tmp_path / "run", *arrangement))
    assert "Evaluating network 4/4" in first
    assert "Evaluating network" not in second
    if "--curves" in arrangement:
        # Of one host alone: a header, and 4 networks in 3 epochs.
        assert len((tmp_path / "run" / "curves.csv").read_text().splitlines()) == 1 + 4 * 3
    table = results.load(tmp_path / "run" / "results.csv")
    pd.testing.assert_frame_equal(table, of_one_process, rtol=2e-3, atol=2e-4)


def test_two_hosts_that_are_killed_go_on(of_one_process, tmp_path):
    folder = tmp_path / "run=[1]"  # of which each host gives Orbax a link of its own
    processes = start_hosts(folder, "--mesh", "1x4")
    checkpoint = folder / "checkpoints" / "4"
    while not checkpoint.is_dir():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.005)
    for process in processes:
        process.kill()
        process.communicate()
    assert not (folder / "results.csv").exists()
    first, _ = finished(start_hosts(folder, "--mesh", "1x4", "--resume"))
    assert "epoch 1/3" not in first
    table = results.load(folder / "results.csv")
    pd.testing.assert_frame_equal(table, of_one_process, rtol=2e-3, atol=2e-4)
